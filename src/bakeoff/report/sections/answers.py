"""The answers: one card for each question, with what it rests on."""

from __future__ import annotations

from itertools import groupby

from bakeoff.artifacts.collected import TargetResult
from bakeoff.collect.verdict import busy_words
from bakeoff.core.cell import Cell
from bakeoff.core.formats import MS
from bakeoff.report.blocks import Answers, Block, Card, Datum, Paragraph
from bakeoff.report.section import Context, section
from bakeoff.report.tables import HEAD, accuracy_datum, contender_words, latency, speedup
from bakeoff.report.targets import label_of, latency_words, within_model

BARS = 5
"""Targets shown in the small chart of an answer."""


@section(rank=10, title="Answers", anchor="answers", title_shown=False)
def answers(context: Context) -> list[Block]:
    """Cards by model, in the order of the answers."""
    collected = context.collected
    if not collected.answers:
        return [Paragraph("This study has no answers: it has no targets.", kind="empty")]
    ranked: dict[Cell, list[TargetResult]] = {}
    for target in context.targets:
        if target.ranked and target.row.latency_ms is not None:
            ranked.setdefault(Cell.of(target.row).question, []).append(target)
    busy = sum(answer.too_busy for answer in collected.answers)
    blocks: list[Block] = [Paragraph(busy_words(busy, len(collected.answers)), kind="alarm")] if busy else []
    for model, group in groupby(collected.answers, lambda answer: answer.model):
        cards = []
        for answer in group:
            question = Cell.of(answer).question
            cards.append(_card(context, answer.words, question, answer.best, ranked.get(question, [])))
        reference = collected.models.get(model)
        note = reference.description or "" if reference else ""
        if note and reference and reference.real_weights is False:
            note += " · random weights"
        blocks.append(Answers(model, note, cards))
    return blocks


def _card(context: Context, words: str, question: Cell, label: str | None, ranked: list[TargetResult]) -> Card:
    best = next((target for target in ranked if label_of(target) == label), None)
    baseline = context.collected.baseline
    shown = ranked[:BARS]
    # The baseline is what readers know: it is always among the bars.
    known = next((target for target in ranked[BARS:] if label_of(target) == baseline), None)
    if known is not None:
        shown = [*ranked[: BARS - 1], known]
    slowest = max((target.row.latency_ms or 0.0 for target in shown), default=1.0) or 1.0
    bars = []
    for target in shown:
        latency_ms = target.row.latency_ms or 0.0
        cell = Cell.of(target.row)
        _, *others = contender_words(cell)
        meter = (getattr(cell, HEAD.name), round(100 * latency_ms / slowest, 1))
        bars.append(((getattr(cell, HEAD.name), *others), Datum(latency_words(target), meter=meter)))
    if best is None:
        return Card(words, bars=bars, more=len(ranked) - len(shown))
    row = best.row
    numbers = [
        ("Latency", latency(row, MS, strong=True)),
        ("Speed-up", speedup(best.speedups.get(baseline), strong=True)),
        ("Accuracy", accuracy_datum(best)),
    ]
    asked = within_model(question).words()
    return Card(
        words, asked[:1].upper() + asked[1:], contender_words(Cell.of(row)), numbers, bars, len(ranked) - len(shown)
    )
