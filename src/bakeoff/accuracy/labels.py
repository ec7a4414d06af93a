"""Scores against labels: top-1 and top-5 accuracy with intervals, and an engine against the reference, pair by pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bakeoff.accuracy.metrics import TOP5_CLASSES
from bakeoff.artifacts.accuracy import PairedTruth, Truth
from bakeoff.core.quantiles import NORMAL_975

if TYPE_CHECKING:
    import numpy as np


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a proportion by Wilson (J. Amer. Statist. Assoc. 22, 1927), which also holds near 0 and 1.

    Args:
        right: How many of `n`; `n` is at least 1.
        n: Number of trials.
    """
    p = right / n
    centre = p + NORMAL_975 * NORMAL_975 / (2 * n)
    half = NORMAL_975 * math.sqrt(p * (1 - p) / n + NORMAL_975 * NORMAL_975 / (4 * n * n))
    scale = 1 + NORMAL_975 * NORMAL_975 / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def against_truth(scores: np.ndarray, labels: Sequence[int | None]) -> Truth:
    """Scores [n, classes] against the labels of those inputs that have one, of which there is at least one.

    A score that ties with the label's counts as higher: an engine that scores all classes alike is right by no one's
    account.
    """
    return _truth(_ranks(scores, labels), scores.shape[1])


def _truth(ranks: Sequence[int], n_classes: int) -> Truth:
    right = sum(rank == 0 for rank in ranks)
    low, high = wilson(right, len(ranks))
    return Truth(
        n_labelled=len(ranks),
        top1_accuracy=right / len(ranks),
        top1_accuracy_ci_low=low,
        top1_accuracy_ci_high=high,
        top5_accuracy=sum(rank < 5 for rank in ranks) / len(ranks) if n_classes >= TOP5_CLASSES else None,
    )


class AgainstReference:
    """Judges engines' scores [n, classes] on labelled inputs: against the labels, and beside the reference's scores."""

    def __init__(self, reference: np.ndarray, labels: Sequence[int | None]) -> None:
        """Of `labels` one at least is not None."""
        self._labels = labels
        self._reference = _ranks(reference, labels)

    def judge(self, scores: np.ndarray) -> tuple[Truth, PairedTruth]:
        """What an engine gets right, and what of it the reference does not, input by input."""
        ranks = _ranks(scores, self._labels)
        return _truth(ranks, scores.shape[1]), _paired(ranks, self._reference)


def _paired(ours: Sequence[int], theirs: Sequence[int]) -> PairedTruth:
    lost = sum(b == 0 and a != 0 for a, b in zip(ours, theirs, strict=True))
    won = sum(a == 0 and b != 0 for a, b in zip(ours, theirs, strict=True))
    low, high = matched_difference(lost, won, len(ours))
    return PairedTruth(
        lost=lost,
        won=won,
        drop=(lost - won) / len(ours),
        drop_ci_low=low,
        drop_ci_high=high,
        p_value=mcnemar(lost, won),
    )


def matched_difference(lost: int, won: int, n: int) -> tuple[float, float]:
    """The 95 % interval of (lost - won) / n for matched pairs: Tango's, by the score test.

    It holds where few pairs differ or all that differ do so in one direction, where Wald's interval has no width and
    Agresti and Min's covers 90 %. Source: T. Tango, "Equivalence test and confidence interval for the difference in
    proportions for the paired-sample design", Statistics in Medicine 17 (1998), 891-908.

    Args:
        lost: Pairs that count for the difference.
        won: Pairs that count against it.
        n: All pairs.
    """
    value = (lost - won) / n

    def farther(difference: float) -> bool:
        """Whether the score test rejects this difference."""
        b = -lost - won + (2 * n - lost + won) * difference
        c = -won * difference * (1 - difference)
        share = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
        variance = n * (2 * share + difference * (1 - difference))
        return abs(lost - won - n * difference) > NORMAL_975 * math.sqrt(max(0.0, variance))

    def end(outside: float) -> float:
        inside = value
        if not farther(outside):
            return outside
        for _ in range(50):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if farther(middle) else (middle, outside)
        return inside

    return end(-1.0), end(1.0)


def mcnemar(lost: int, won: int) -> float:
    """The two-sided mid-p value of McNemar's exact test: of the pairs that differ, each way is equally likely.

    Source: M. W. Fagerland, S. Lydersen and P. Laake, "The McNemar test for binary matched-pairs data: mid-p and
    asymptotic are better than exact conditional", BMC Medical Research Methodology 13:91 (2013).
    """
    n, k = lost + won, min(lost, won)
    if n == 0 or lost == won:
        return 1.0

    def probability(i: int) -> float:
        return math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2))

    return min(1.0, 2 * sum(probability(i) for i in range(k + 1)) - probability(k))


def _ranks(scores: np.ndarray, labels: Sequence[int | None]) -> list[int]:
    """For each labelled input how many other classes score at least as high as its own; all of them where it is NaN."""
    import numpy as np

    found = []
    for row, label in zip(scores, labels, strict=True):
        if label is not None:
            own = row[label]
            found.append(int(np.count_nonzero(row >= own)) - 1 if np.isfinite(own) else len(row))
    return found
