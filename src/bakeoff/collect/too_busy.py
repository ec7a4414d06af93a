"""When a machine was too busy for an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bakeoff.artifacts.timing import TimingRecord

SIGNS = frozenset({"noisy-machine", "shared-gpu"})
"""Warnings of a round that say that something else took time from it. A disturbed round is measured again first, so
these are rounds for which no quiet moment was found."""
TOO_MANY = 0.5
"""From this share of rounds on, intervals over rounds say how the disturbance varied and not how fast targets are."""


def disturbed_rounds(rounds: Iterable[TimingRecord]) -> list[TimingRecord]:
    """The rounds that carry such a warning."""
    return [record for record in rounds if SIGNS & set(record.warnings or [])]


def too_busy(rounds: Sequence[TimingRecord]) -> bool:
    """Whether so many rounds of the targets that compete for an answer were disturbed that no best is named."""
    return bool(rounds) and len(disturbed_rounds(rounds)) >= TOO_MANY * len(rounds)
