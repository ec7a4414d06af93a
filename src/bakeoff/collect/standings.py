"""Who is best among the targets that answer one question, and how surely: which others are alike, or not told apart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from bakeoff.artifacts.collected import Interval

Key = TypeVar("Key", bound=Hashable)

Compare = Callable[[Key, Key, int], Interval]
"""Latency of the first over that of the second; the interval holds for all pairs of so many targets at once."""

Verdict = Literal["alike", "not_told_apart", "slower"]


@dataclass(frozen=True)
class Standing(Generic[Key]):
    """One target against the best."""

    key: Key
    verdict: Verdict
    """`alike`: certainly less than the margin away. `slower`: certainly slower. `not_told_apart`: neither is sure."""
    over_best: Interval
    """Its latency over that of the best; holds for all targets of the question at once."""


@dataclass(frozen=True)
class Standings(Generic[Key]):
    """The best of a question, and how the others stand to it."""

    best: Key
    others: list[Standing[Key]]
    """In the order in which the targets were given."""

    def of(self, verdict: Verdict) -> list[Standing[Key]]:
        """The others with one verdict."""
        return [standing for standing in self.others if standing.verdict == verdict]


def standings(by_latency: Sequence[Key], compare: Compare[Key], margin: float) -> Standings[Key]:
    """How targets stand to the best of them.

    "Best" is a claim about all of them at once, so it is made with intervals that hold for all pairs at once: of twenty
    equal targets at most one study in twenty then calls one slower.

    Args:
        by_latency: The targets, the one of lowest latency first; at least one.
        compare: Compares two of them.
        margin: Difference, as a fraction, below which two count as alike.
    """
    many = len(by_latency)
    best = by_latency[0]
    # Targets with different rounds may be paired otherwise than their latencies rank: nobody may be surely faster.
    for other in by_latency[1:]:
        if compare(other, best, many).high < 1:
            best = other
    found = []
    for other in by_latency:
        if other != best:
            interval = compare(other, best, many)
            found.append(Standing(other, _verdict(interval, margin), interval))
    return Standings(best, found)


def _verdict(over_best: Interval, margin: float) -> Verdict:
    if over_best.high <= 1 + margin and over_best.low >= 1 / (1 + margin):
        return "alike"
    return "slower" if over_best.low > 1 else "not_told_apart"
