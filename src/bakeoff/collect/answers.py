"""The answer of a study in words, for each model and batch size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bakeoff.artifacts.accuracy import AccuracyRecord
from bakeoff.artifacts.collected import Answer, Interval, TargetResult
from bakeoff.collect.warnings import APART_DB
from bakeoff.core.cell import Cell
from bakeoff.core.formats import format_db, format_ms, format_number, format_ratio

Ratio = Callable[[TargetResult, TargetResult], Interval]
"""Latency of the first over that of the second, with its interval."""

UNSURE = 1.5
"""A tie whose latency ratio may be more than this (the end of its interval) shows times that vary, not that it is as
fast as the best, and the sentence says so."""

MAX_REASONS = 3
"""More reasons than this make no sentence; the report's tables have them all."""


def answers(results: Sequence[TargetResult], baseline: str, ratio: Ratio) -> list[Answer]:
    """The answer for each model and batch size, in the order in which they first appear.

    The best is the ranked target of lowest latency; ties are the ranked targets whose latency ratio to the best has
    1 in its 95 % interval.

    Args:
        results: All targets of the study.
        baseline: `label/precision`.
        ratio: Compares two timed targets of the same model and batch size.
    """
    groups: dict[Cell, list[TargetResult]] = {}
    for result in results:
        groups.setdefault(result.row.cell.question, []).append(result)
    return [_answer(question, group, baseline, ratio) for question, group in groups.items()]


def _answer(question: Cell, group: list[TargetResult], baseline: str, ratio: Ratio) -> Answer:
    ranked = sorted((r for r in group if r.ranked), key=_latency_ms)
    if not ranked:
        return Answer(
            **question.named("question"),
            best=None,
            words=f"On this machine nothing could be ranked for {_asked(question)}: {_why_none(group)}.",
        )
    best, others = ranked[0], ranked[1:]
    to_best = [(other, ratio(other, best)) for other in others]
    ties = [(other, interval) for other, interval in to_best if not interval.differs_from_one]
    parts = [format_ms(_latency_ms(best))]
    speedup = best.speedups.get(baseline)
    if _name(best) == baseline:
        parts[0] += " (the baseline)"
    elif speedup:
        label, _, precision = baseline.partition("/")
        against = label if precision == "fp32" else f"{label} {precision}"
        low, high = format_number(speedup.low), format_number(speedup.high)
        parts.append(f"{format_ratio(speedup.value)} {against} [{low}–{high}]")
    if best.accuracy:
        parts.append(_agreement(best.accuracy))
    words = f"On this machine {_asked(question)} ships best on {_words(best)}: {', '.join(parts)}"
    alike = [_words(tie) for tie, interval in ties if interval.high <= UNSURE]
    unsure = [f"{_words(tie)} ({format_ms(_latency_ms(tie))})" for tie, interval in ties if interval.high > UNSURE]
    if alike:
        words += f"; no measurable difference to {_join(alike)}"
    if unsure:
        words += f"; too unsteady to compare: {_join(unsure)}"
    if "not-repeatable" in best.row.warnings:
        words += "; run again on the same inputs, it gave other outputs: look into that first"
    if "less-accurate" in best.row.warnings:
        words += f"; other backends agree at least {APART_DB:g} dB better at {best.row.precision}: look into that first"
    if "one-round" in best.row.warnings:
        words += "; one round only: what varies from process to process is in no interval"
    return Answer(
        **question.named("question"),
        best=_name(best),
        ties=[_name(tie) for tie, _ in ties],
        words=words + ".",
    )


def _asked(question: Cell) -> str:
    """What is asked, in a sentence: `resnet18 at batch 8`."""
    model, *others = (axis.words.format(value) for axis, value in question.items())
    return f"{model} at {_join(others)}" if others else model


def _agreement(accuracy: AccuracyRecord) -> str:
    if accuracy.identical:
        return "outputs bit-identical to the reference"
    if accuracy.sqnr_db is None:
        return "outputs within tolerance"
    text = f"outputs agree to {format_db(accuracy.sqnr_db)}"
    return f"{text} (indicative only: random weights)" if accuracy.indicative else text


def _why_none(group: list[TargetResult]) -> str:
    """The reasons, most frequent first, each with the targets it holds for."""
    by_reason: dict[str, list[str]] = {}
    for result in group:
        by_reason.setdefault((result.unranked_reason or "no reason recorded").rstrip("."), []).append(_words(result))
    reasons = sorted(by_reason.items(), key=lambda item: -len(item[1]))
    said = [f"{_join(targets)}: {reason}" for reason, targets in reasons[:MAX_REASONS]]
    left = sum(len(targets) for _, targets in reasons[MAX_REASONS:])
    return "; ".join(said) + (f"; and {left} more" if left else "")


def _latency_ms(result: TargetResult) -> float:
    if result.row.latency_ms is None:
        raise ValueError(f"{_name(result)} is ranked but has no latency")
    return result.row.latency_ms


def _name(result: TargetResult) -> str:
    return result.row.cell.label


def _words(result: TargetResult) -> str:
    return f"{result.row.backend} {result.row.precision}"


def _join(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
