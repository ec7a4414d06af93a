"""All that is known of single targets, folded away."""

from __future__ import annotations

from itertools import groupby

from bakeoff.core.cell import Cell
from bakeoff.core.formats import format_ms, format_number
from bakeoff.report.blocks import (
    NOTHING,
    Block,
    Column,
    Datum,
    Details,
    FactList,
    Group,
    Heading,
    Paragraph,
    Table,
    TableRow,
    Text,
    Words,
)
from bakeoff.report.details import TOP_LAYERS, TOP_TARGETS, Detail, detail_of
from bakeoff.report.section import Context, section
from bakeoff.report.tables import HEAD, contender_words
from bakeoff.report.targets import STATUS_WORDS, latency_words, within_model

LONGEST_NAME = 120
"""Characters of a layer's name."""


@section(rank=100, title="Targets in detail", anchor="details", nav="Details", markdown=False)
def details(context: Context) -> list[Block]:
    """Model by model, in the order of the comparison."""
    shown = [detail_of(context.targets, number) for number in sorted(context.in_detail)]
    lead = (
        "For each target its clocks, what is in its engine, the state of the machine while it was timed, and its "
        f"{TOP_LAYERS} slowest layers, profiled on their own."
    )
    if len(shown) == TOP_TARGETS < len(context.targets):
        lead += (
            f" Of this large study only {TOP_TARGETS} targets are listed, the fastest ranked ones of each model and "
            "batch size first; the others have their main figures in results.csv and all in their own build.json, "
            "timing.json and profile.json."
        )
    blocks: list[Block] = [Paragraph(lead, kind="lead")]
    for model, group in groupby(shown, lambda detail: detail.target.row.model):
        blocks += [Heading(model), *map(_details, group)]
    return blocks if shown else [*blocks, Paragraph("Nothing was built or timed.", kind="empty")]


def _details(detail: Detail) -> Details:
    row, profile = detail.target.row, detail.target.profile
    cell = Cell.of(row)
    result = STATUS_WORDS[row.status] if row.latency_ms is None else latency_words(detail.target)
    if detail.layers:
        result += f", {len(detail.layers)} layers"
    asked = within_model(cell.question).words()
    summary: Words = (*contender_words(cell), " ", Text(asked, look="asked"), " ", Text(result, look="soft"))
    blocks: list[Block] = [
        Group([[Heading(heading, level=4), FactList(facts)] for heading, facts in detail.groups], "groups")
    ]
    if profile is not None and detail.layers:
        blocks.append(_layers(detail, cell))
        blocks += [Paragraph(note, kind="note") for note in profile.notes]
        if profile.trace:
            words = ("All layers over time: open ", Text(profile.trace, code=True), " in Perfetto.")
            blocks.append(Paragraph(words, kind="note"))
    return Details(summary, blocks, f"t{detail.number}", "one")


def _layers(detail: Detail, cell: Cell) -> Table:
    profile = detail.target.profile
    caption = "Slowest layers"
    if profile is not None and profile.layer_sum_ms is not None:
        caption += f"; all {len(detail.layers)} take {format_ms(profile.layer_sum_ms)}"
    columns = [
        Column("Layer", kind="name"),
        Column("Type"),
        Column("Computes in"),
        Column("Median ms", number=True),
        Column("Share", kind="share", number=True),
    ]
    rows = []
    for layer in detail.layers[:TOP_LAYERS]:
        name = layer.name if len(layer.name) <= LONGEST_NAME else f"{layer.name[: LONGEST_NAME - 1]}…"
        words: Words = (name, " ", Text(f"+{len(layer.fused)} fused", look="soft")) if layer.fused else name
        meter = (getattr(cell, HEAD.name), round(100 * layer.share, 1))
        rows.append(TableRow([
            Datum(words),
            Datum(layer.type),
            Datum(layer.dtype) if layer.dtype else NOTHING,
            Datum(format_number(layer.time_ms.median)),
            Datum(f"{layer.share * 100:.1f} %", meter=meter),
        ]))  # fmt: skip
    rest = detail.layers[TOP_LAYERS:]
    if rest:
        share = f"{sum(layer.share for layer in rest) * 100:.1f} %"
        cells = [Datum(f"{len(rest)} other layers"), Datum(""), Datum(""), Datum(""), Datum(share)]
        rows.append(TableRow(cells, "rest"))
    spoken = (caption, Text("", spoken=f" of {cell.words()}"))
    return Table(f"layers-{detail.number}", spoken, columns, rows, kind="layer-table")
