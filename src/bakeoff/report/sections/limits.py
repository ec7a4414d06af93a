"""How close the targets come to what the device can do."""

from __future__ import annotations

from bakeoff.core.cell import Cell
from bakeoff.core.formats import format_ms, format_si
from bakeoff.report.blocks import (
    Block,
    Column,
    Datum,
    FactList,
    Figures,
    Heading,
    Paragraph,
    RowKind,
    Table,
    TableRow,
    Text,
)
from bakeoff.report.limits import EXPLANATION, SET_BY, Point, points_of, rate_facts, uncounted
from bakeoff.report.section import Context, section
from bakeoff.report.tables import HEAD, axis_cells, axis_columns, datum
from bakeoff.report.targets import TARGET_AXES


@section(rank=60, title="How close to the hardware", anchor="limits", nav="Limits")
def limits(context: Context) -> list[Block] | None:
    """The roofline, the device's rates, and each target's share of its limit; None where no rates were measured."""
    collected = context.collected
    rates = rate_facts(collected)
    if not rates:
        return None
    of_device: list[Block] = [
        Heading("Rates of this device", "measured once, with nothing else of the study running"),
        FactList(rates),
    ]
    for model, why in uncounted(collected):
        of_device.append(Paragraph((Text(model, strong=True), f" has no limit: {why}."), kind="note"))
    points, left_out = points_of(collected)
    note = ""
    if left_out:
        note = f"of each model and precision the target nearest its limit; the other {left_out} are in results.csv"
    return [
        *(Paragraph(words, kind="lead") for words in EXPLANATION),
        Figures([plot for plot in context.plots if not plot.model], of_device),
        Heading("Share of the limit", note),
        _table(points) if points else Paragraph("No target has both a known limit and a measured time.", kind="empty"),
    ]


def _table(points: list[Point]) -> Table:
    columns = [
        *axis_columns(TARGET_AXES),
        Column("Share", kind="share", number=True),
        Column("Limit", number=True),
        Column("Measured", number=True),
        Column("Limit set by"),
        Column("Operations", number=True),
        Column("Least bytes", number=True),
    ]
    rows = []
    for point in points:
        row, percent = point.target.row, 100 * (point.target.row.share_of_limit or 0)
        figures = [
            Datum(f"{percent:.1f} %", meter=(getattr(row, HEAD.name), round(min(percent, 100), 1))),
            datum(row.limit_ms, format_ms),
            datum(point.ms, format_ms),
            Datum(SET_BY[row.bound or "compute"]),
            Datum(format_si(point.flops, "FLOP")),
            Datum(format_si(point.bytes, "B")),
        ]
        kind: RowKind = "" if point.target.ranked else "unranked"
        rows.append(TableRow([*axis_cells(TARGET_AXES, Cell.of(row)), *figures], kind))
    caption = "Limit of each target and the share of it that is reached"
    return Table("limits", caption, columns, rows, caption_shown=False)
