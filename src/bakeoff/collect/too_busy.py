"""When a machine was too busy, or too unsteady, for an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bakeoff.artifacts.timing import TimingRecord

SIGNS = frozenset({"noisy-machine", "shared-gpu"})
"""Warnings of a round that say that something else took time from it. A disturbed round is measured again first, so
these are rounds for which no quiet moment was found."""
TOO_MANY = 0.5
"""From this share of rounds on, intervals over rounds say how the disturbance varied and not how fast targets are."""


TOO_WIDE = 0.15
"""A best that others cannot be told from is not named where its own latency is known to no better than this, as a
fraction: the interval is then as wide as what separates backends."""


def known_to(low: float | None, value: float, high: float | None) -> float:
    """To what fraction of itself a number is known, by its interval: 0.1 for ±10 %; 0 for a number without one."""
    return max(high / value, value / low) - 1 if low and high else 0.0


def disturbed_rounds(rounds: Iterable[TimingRecord]) -> list[TimingRecord]:
    """The rounds that carry such a warning."""
    return [record for record in rounds if SIGNS & set(record.warnings or [])]


def too_busy(rounds: Sequence[TimingRecord]) -> bool:
    """Whether so many rounds of the targets that compete for an answer were disturbed that no best is named."""
    return bool(rounds) and len(disturbed_rounds(rounds)) >= TOO_MANY * len(rounds)
