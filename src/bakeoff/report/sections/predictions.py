"""What each engine says of single inputs: the first ones that judge, with the most probable classes."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.artifacts.accuracy import AccuracyRecord, Guess, ReferenceRecord, SamplePicture
from bakeoff.core.cell import Cell
from bakeoff.report.blocks import (
    NOTHING,
    Block,
    Column,
    Datum,
    Heading,
    Paragraph,
    Sample,
    Samples,
    Table,
    TableRow,
    Text,
)
from bakeoff.report.section import Context, section
from bakeoff.report.targets import engine_of

PLACES = ("1st", "2nd", "3rd", "4th", "5th")
MOST_WORDS = 3
"""Engines named in a row before the rest is counted: engines that say the same share one."""


@section(rank=55, title="Predictions", anchor="predictions")
def predictions(context: Context) -> list[Block] | None:
    """For each model with real inputs, its first inputs and what every engine says of them."""
    blocks: list[Block] = []
    for model, reference in context.collected.models.items():
        engines: dict[Cell, AccuracyRecord] = {}
        for target in context.targets:
            if target.row.model == model and target.accuracy is not None and target.accuracy.predictions:
                engines.setdefault(engine_of(target, target.accuracy), target.accuracy)
        if reference.pictures:
            samples = [
                _sample(model, number, sample, reference, engines) for number, sample in enumerate(reference.pictures)
            ]
            blocks += [Heading(model, _note(reference)), Samples(samples)]
    if not blocks:
        return None
    lead = (
        "The first of the inputs that judge, and the most probable classes by the model in eager fp32 and by each "
        "engine. Engines that say the same share a row. A first class that is not the reference's is marked."
    )
    return [Paragraph(lead, kind="lead"), *blocks]


def _note(reference: ReferenceRecord) -> str:
    return f"judged on {reference.data}" if reference.data else ""


def _sample(
    model: str, number: int, sample: SamplePicture, reference: ReferenceRecord, engines: dict[Cell, AccuracyRecord]
) -> Sample:
    rows = [_row("reference", sample.guesses, sample, reference)]
    alike: dict[tuple[tuple[int, str], ...], list[Cell]] = {}
    for cell, record in engines.items():
        guesses = record.predictions[number] if number < len(record.predictions) else []
        alike.setdefault(tuple((g.class_number, _percent(g)) for g in guesses), []).append(cell)
    for cells in alike.values():
        said = engines[cells[0]].predictions
        rows.append(_row(_names(cells), said[number] if number < len(said) else [], sample, reference))
    label = "" if sample.label is None else _name(sample.label, reference)
    caption = f"What engines say of {sample.name}"
    columns = [Column("By", kind="name"), *(Column(place) for place in PLACES[: max(1, len(sample.guesses))])]
    table = Table(f"sample-{model}-{number}", caption, columns, rows, caption_shown=False, kind="layer-table")
    return Sample(sample.name, label, sample.picture, table)


def _names(cells: Sequence[Cell]) -> str:
    named = [f"{cell.backend} {cell.precision}" for cell in cells]
    more = len(named) - MOST_WORDS
    return ", ".join(named[:MOST_WORDS]) + (f" and {more} more" if more > 0 else "")


def _row(by: str, guesses: Sequence[Guess], sample: SamplePicture, reference: ReferenceRecord) -> TableRow:
    places = max(1, len(sample.guesses))
    cells = [Datum(by), *(_guess(guess, place == 0, sample, reference) for place, guess in enumerate(guesses[:places]))]
    if not guesses:
        cells.append(Datum(Text("NaN or infinite", look="bad")))
    return TableRow([*cells, *[NOTHING] * (1 + places - len(cells))])


def _guess(guess: Guess, first: bool, sample: SamplePicture, reference: ReferenceRecord) -> Datum:
    words: list[str | Text] = [f"{_name(guess.class_number, reference)} ", Text(_percent(guess), look="soft")]
    if first and sample.guesses and guess.class_number != sample.guesses[0].class_number:
        words += [" ", Text("≠ reference", look="warn")]
    if first and sample.label is not None:
        right = guess.class_number == sample.label
        words += [" ", Text("✓", look="good", spoken=" right") if right else Text("✗", look="bad", spoken=" wrong")]
    return Datum(tuple(words))


def _name(number: int, reference: ReferenceRecord) -> str:
    return reference.classes[number] if number < len(reference.classes) else f"class {number}"


def _percent(guess: Guess) -> str:
    return f"{guess.probability:.2f}"
