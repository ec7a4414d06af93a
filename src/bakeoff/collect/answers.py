"""The answer of a study in words, for each model and batch size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bakeoff.artifacts.accuracy import AccuracyRecord
from bakeoff.artifacts.collected import Answer, Interval, NotToldApart, TargetResult
from bakeoff.collect.standings import Standing, standings
from bakeoff.collect.too_busy import TOO_WIDE, disturbed_rounds, known_to, too_busy
from bakeoff.core.cell import Cell
from bakeoff.core.formats import MS, TIMES, format_db, format_estimate, format_ratio, format_with_interval, points

Ratio = Callable[[TargetResult, TargetResult], Interval]
"""Latency of the first over that of the second, with its interval."""

Comparison = Callable[[TargetResult, TargetResult, int], Interval]
"""The same, with an interval that holds for all pairs of so many targets at once."""

MAX_CANDIDATES = 6
"""Likewise; `candidates` has them all."""
MAX_REASONS = 3
"""More reasons than this make no sentence; the report's tables have them all."""

OF_THE_BEST = {
    "throttled": "the GPU was throttled while it was timed",
    "shared-gpu": "other processes computed on the GPU while it was timed",
    "noisy-machine": "other work took CPU time from some of its rounds, also when they were measured again",
    "drifting": "its latency drifted while it was timed",
    "not-steady": "it had not settled when timing began",
    "not-converged": "its rounds did not reach the interval asked for",
    "bimodal": "it switched between two speeds",
    "rounds-disagree": "its rounds disagree",
    "unpaired": "it was measured in another session than others",
    "waits-for-host": "its speed is the host's, not the GPU's",
    "not-repeatable": "run again on the same inputs, it gave other outputs: look into that first",
    "one-round": "one round only, so what varies from process to process is in no interval",
}
"""What a warning of the best adds to the sentence that names it."""


def answers(results: Sequence[TargetResult], baseline: str, compare: Comparison, margin: float) -> list[Answer]:
    """The answer for each model and batch size, in the order in which they first appear.

    Args:
        results: All targets of the study.
        baseline: `label/precision`.
        compare: Compares two timed targets of the same model and batch size.
        margin: Difference, as a fraction, below which two count as alike.
    """
    groups: dict[Cell, list[TargetResult]] = {}
    for result in results:
        groups.setdefault(result.row.cell.question, []).append(result)
    return [_answer(question, group, baseline, compare, margin) for question, group in groups.items()]


def _answer(question: Cell, group: list[TargetResult], baseline: str, compare: Comparison, margin: float) -> Answer:
    ranked = {_name(result): result for result in sorted((r for r in group if r.ranked), key=_latency_ms)}
    if not ranked:
        return Answer(
            **question.named("question"),
            best=None,
            words=f"On this machine nothing could be ranked for {_asked(question)}: {_why_none(group)}.",
        )

    def by_name(one: str, other: str, of_many: int) -> Interval:
        return compare(ranked[one], ranked[other], of_many)

    found = standings(list(ranked), by_name, margin)
    alike, unsure = found.of("alike"), found.of("not_told_apart")
    ties = [standing.key for standing in found.others if standing.verdict != "slower"]
    rounds = [record for result in ranked.values() for record in result.rounds]
    best = ranked[found.best]
    known = known_to(best.row.latency_ci_low_ms, _latency_ms(best), best.row.latency_ci_high_ms)
    why = None
    if too_busy(rounds):
        why = (
            f"too busy to name a best for {_asked(question)}: something else took time from "
            f"{len(disturbed_rounds(rounds))} of {len(rounds)} rounds, also when they were measured again"
        )
    elif ties and known > TOO_WIDE:
        extent = f"±{100 * known:.2g} %" if known < 1 else f"a factor of {1 + known:.2g}"
        why = (
            f"too unsteady to name a best for {_asked(question)}: its speed changed so much from round to round that "
            f"the lowest latency is known to {extent} only"
        )
    if why:
        candidates = [name for name in ranked if name in {found.best, *ties}]
        said = [f"{_words(ranked[name])} ({_latency_words(ranked[name])})" for name in candidates]
        left = len(said) - MAX_CANDIDATES
        listed = ", ".join(said[:MAX_CANDIDATES]) + (f" or one of {left} others" if left > 0 else "")
        return Answer(
            **question.named("question"),
            best=None,
            too_busy=True,
            candidates=candidates,
            words=f"This machine was {why}. It may be {listed}.",
        )
    parts = [_latency_words(best)]
    speedup = best.speedups.get(baseline)
    if found.best == baseline:
        parts[0] += " (the baseline)"
    elif speedup:
        label, _, precision = baseline.partition("/")
        against = label if precision == "fp32" else f"{label} {precision}"
        value, ends = format_with_interval(speedup.value, speedup.low, speedup.high, TIMES)
        parts.append(f"{value} {against} [{ends}]")
    if best.accuracy:
        parts.append(_agreement(best.accuracy))
    words = f"On this machine {_asked(question)} ships best on {_words(best)}: {', '.join(parts)}"
    if alike:
        words += f"; alike within {100 * margin:g} %: {_join([_words(ranked[s.key]) for s in alike])}"
    if unsure:
        words += f"; not told apart: {_join([_how_far(ranked[s.key], s) for s in unsure])}"
    for code, remark in OF_THE_BEST.items():
        if code in best.row.warnings:
            words += f"; {remark}"
    return Answer(
        **question.named("question"),
        best=found.best,
        ties=ties,
        alike=[standing.key for standing in alike],
        not_told_apart=[NotToldApart(target=s.key, slower_at_most=s.over_best.high) for s in unsure],
        words=words + ".",
    )


def _latency_words(result: TargetResult) -> str:
    row = result.row
    return format_estimate(_latency_ms(result), row.latency_ci_low_ms, row.latency_ci_high_ms, MS)


def _how_far(result: TargetResult, standing: Standing[str]) -> str:
    """`openvino fp32 (0 to 12 % slower)`: how far a target that cannot be told from the best may be behind it."""
    return f"{_words(result)} (0 to {percent_slower(standing.over_best.high)} slower)"


def percent_slower(ratio: float) -> str:
    """A ratio of latencies in words: `12 %`, and from twice the time on `2.4×`."""
    return f"{100 * (ratio - 1):.2g} %" if ratio < 1.995 else format_ratio(ratio)


def _asked(question: Cell) -> str:
    """What is asked, in a sentence: `resnet18 at batch 8`."""
    model, *others = (axis.words.format(value) for axis, value in question.items())
    return f"{model} at {_join(others)}" if others else model


def _agreement(accuracy: AccuracyRecord) -> str:
    against = accuracy.against_reference
    if against and accuracy.top1_accuracy is not None:
        verb, sign = ("loses", 1) if against.drop >= 0 else ("gains", -1)
        low, high = sorted((sign * against.drop_ci_low, sign * against.drop_ci_high))
        change = f"{verb} {points(sign * against.drop)} points of top-1 [{points(low)} to {points(high)}]"
        return f"{change}, {100 * accuracy.top1_accuracy:.1f} % of {accuracy.n_labelled} right"
    if accuracy.identical:
        return "outputs bit-identical to the reference"
    if accuracy.sqnr_db is None:
        return "outputs within tolerance"
    text = f"outputs agree to {format_db(accuracy.sqnr_db)}"
    return f"{text} (indicative only: random weights that amplify rounding)" if accuracy.indicative else text


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
