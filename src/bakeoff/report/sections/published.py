"""What others published beside what is measured here."""

from __future__ import annotations

from bakeoff.artifacts.collected import PublishedRatio, TargetResult
from bakeoff.core.cell import Cell
from bakeoff.core.formats import TIMES, format_number, format_ratio
from bakeoff.report.blocks import DASH, NOTHING, Block, Column, Datum, Paragraph, Table, TableRow, Text, Words
from bakeoff.report.section import Context, section
from bakeoff.report.tables import estimate

_UNITS = {"ms": "ms", "items/s": "images/s", "iterations/s": "iterations/s"}


@section(rank=25, title="Beside what was published", anchor="published", nav="Published")
def published(context: Context) -> list[Block] | None:
    """Ratios of others beside ours; None for a study without published figures."""
    given = context.collected.settings.get("published")
    if not given:
        return None
    by_cell = {target.row.cell: target for target in context.targets}
    unit = _UNITS[given["unit"]]
    lead = (
        f"Published: {given['source']}, on {given['hardware']}. Times of other hardware say little, so ratios are "
        f"compared: how many times as fast as {given['against']} each row is, there and here."
    )
    columns = [
        Column("As published", kind="name"),
        Column("Measured as"),
        Column("Published", unit, number=True),
        Column("Here", unit, number=True),
        Column("Published", f"times {given['against']}", number=True),
        Column("Here", f"times {given['against']}", number=True),
        Column("So"),
    ]
    rows = [
        TableRow(_cells(entry, by_cell.get(Cell.of(entry)), given["unit"])) for entry in context.collected.published
    ]
    blocks: list[Block] = [
        Paragraph(lead, kind="lead"), Table("published", "Published figures beside ours", columns, rows)
    ]  # fmt: skip
    return blocks + [Paragraph(remark) for remark in given["remarks"]]


def _cells(entry: PublishedRatio, target: TargetResult | None, unit: str) -> list[Datum]:
    ours = entry.ratio
    return [
        Datum(entry.name, strong=True),
        Datum(Cell.of(entry).words()),
        Datum(format_number(entry.published), order=entry.published),
        _here(target, unit),
        Datum(format_ratio(entry.published_ratio), order=entry.published_ratio),
        NOTHING if ours is None else estimate(ours.value, ours.low, ours.high, TIMES),
        Datum(_words(entry, target)),
    ]


def _here(target: TargetResult | None, unit: str) -> Datum:
    if target is None or target.row.latency_ms is None:
        return NOTHING
    row = target.row
    if unit == "ms":
        return estimate(row.latency_ms, row.latency_ci_low_ms, row.latency_ci_high_ms)
    if unit == "items/s":
        return estimate(row.items_per_s, row.items_per_s_ci_low, row.items_per_s_ci_high)
    return Datum(format_number(row.iterations_per_s), order=row.iterations_per_s) if row.iterations_per_s else NOTHING


def _words(entry: PublishedRatio, target: TargetResult | None) -> Words:
    if entry.is_against:
        return "what the others are compared with"
    if target is None or target.row.status != "ok":
        return Text(f"not measured here: {target.row.reason or target.row.status}" if target else DASH, look="soft")
    ours = entry.ratio
    if ours is None:
        return Text("what it is compared with was not measured here", look="soft")
    if ours.low <= entry.published_ratio <= ours.high:
        return Text("the same ratio, as far as this study can tell", look="good")
    more = ours.value / entry.published_ratio
    return f"{format_ratio(max(more, 1 / more))} {'more' if more > 1 else 'less'} is gained here"
