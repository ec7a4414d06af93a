"""What one engine for all batch sizes costs against an engine for each."""

from __future__ import annotations

from collections.abc import Callable

from bakeoff.core.cell import Cell
from bakeoff.core.formats import format_bytes, format_change, format_s
from bakeoff.report.blocks import DASH, Block, Column, Datum, Paragraph, Table, TableRow, Text, Words
from bakeoff.report.section import Context, section
from bakeoff.report.tables import HEAD, axis_cells, axis_columns
from bakeoff.report.targets import TARGET_AXES


@section(rank=90, title="What dynamic batch costs", anchor="dynamic", nav="Dynamic batch")
def dynamic(context: Context) -> list[Block] | None:
    """Pairs of backends that differ in this alone; None where the study has none."""
    costs = context.collected.dynamic_costs
    if not costs:
        return None
    columns = [
        *axis_columns(TARGET_AXES, head="Dynamic"),
        Column("Against"),
        Column("Latency", "", "Latency [95 % CI]", number=True),
        Column("Build", "one engine / all sizes", "Build: one engine / all sizes", number=True),
        Column("Engine size", "one engine / all sizes", "Engine size: one / all", number=True),
    ]
    rows = []
    for cost in costs:
        ratio = cost.latency
        change: Words
        change, ends = format_change(ratio.value, ratio.low, ratio.high)
        if not ratio.differs_from_one:
            change = Text(change, look="soft", hint="The interval holds 0: no difference shown")
        cell = Cell.of(cost).at(**{HEAD.name: cost.dynamic})
        rows.append(TableRow([
            *axis_cells(TARGET_AXES, cell),
            Datum(Text(cost.fixed, look="nowrap", series=cost.fixed)),
            Datum(change, ends, ratio.value, strong=True),
            _both(cost.dynamic_build_s, cost.fixed_build_s, format_s),
            _both(cost.dynamic_engine_bytes, cost.fixed_engine_bytes, format_bytes),
        ]))  # fmt: skip
    lead = (
        "One engine for all batch sizes against an engine for each, from backends that differ in this alone: latency "
        "of the dynamic engine over that of the fixed one, paired by round, with its 95 % confidence interval."
    )
    caption = "Dynamic engines against engines of fixed batch size"
    return [Paragraph(lead, kind="lead"), Table("dynamic", caption, columns, rows)]


def _both(one: float | None, all_sizes: float | None, write: Callable[[float], str]) -> Datum:
    return Datum(" / ".join(DASH if value is None else write(value) for value in (one, all_sizes)), order=one)
