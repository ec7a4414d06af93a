"""The 99th percentile of a target's latency over its rounds, with its 95 % confidence interval.

**What is estimated.** The 99th percentile of the latency of a process of typical speed: the latency of the row (the
geometric mean over rounds of their medians), times the 99th percentile of how many times its own round's median an
inference took. Rounds are fresh processes, and their levels differ. A percentile of all their samples together would
be one of the slowest round alone, and three rounds cannot tell how slow the slowest of a hundred processes is. Of one
round it is that round's 99th percentile.

**The interval of the second factor** lies between two order statistics of the pooled ratios. Their ranks come from the
Clopper-Pearson limits for the share of samples beyond, with the number of samples divided by a design effect (Korn and
Graubard, Survey Methodology 24, 1998). These limits, unlike normal ones, say by themselves where the largest sample is
no upper limit. The design effect is the larger of two: from the long-run variance of the indicators along the samples
(bursts), and from how the number of samples beyond differs from round to round (a process with a heavier tail). Each is
multiplied by the square of t over z, since it is itself an estimate.

**The two factors together**: the distances of their ends from the estimates add as squares, on the logarithmic scale
(MOVER; Zou and Donner, Stat. Med. 27, 2008). So the upper end is never below that of the median's interval.

**The upper end is open** where fewer than `BOUNDING_SAMPLES` samples lie beyond the percentile. A burst of 50 slow
inferences that begins once in 2,500 falls in none of 3 times 1,000 samples in every third study, and what was measured
then looks as if there were none. No interval that ends where such samples end could cover in more than two thirds.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bakeoff.artifacts.collected import Interval
from bakeoff.collect.estimate import Estimate
from bakeoff.collect.intervals import OWN_LEVEL, OWN_LEVEL_OF_TWO, t_of
from bakeoff.core.quantiles import NORMAL_975, has_tail
from bakeoff.measure.statistics import count_variance, t_quantile

if TYPE_CHECKING:
    import numpy as np

BOUNDING_SAMPLES = 100
"""Samples beyond the percentile, from which on an upper end is given; p99 needs 10,000 samples for it."""
_TAIL = 0.025
_PERCENT = 99


def p99_interval(latency_ms: Interval, rounds_ms: Sequence[np.ndarray]) -> Estimate | None:
    """The 99th percentile in milliseconds; None where fewer than ten samples of all rounds lie beyond it.

    Args:
        latency_ms: Over rounds: the geometric mean of the rounds' medians.
        rounds_ms: The latencies of each round, each of shape (n,) in the order in which they were taken.
    """
    import numpy as np

    n = sum(samples.size for samples in rounds_ms)
    if not has_tail(n, _PERCENT):
        return None
    ratios = [samples / np.median(samples) for samples in rounds_ms]
    pooled = np.concatenate(ratios)
    quantile = float(np.percentile(pooled, _PERCENT))
    effective = n / _design_effect(ratios, pooled, quantile)
    descending = np.sort(pooled)[::-1]
    # The lower end is the first sample so far down that surely a hundredth of all inferences take at least as long.
    below = bisect_left(range(n), True, key=lambda k: _share_limit(k + 1, n, effective, lower=True) >= 0.01)
    # The quantile is interpolated, so that with few samples it may lie beyond the order statistic by less than a rank.
    shortest = min(quantile, max(1.0, float(descending[min(below, n - 1)])))
    value = latency_ms.value * quantile
    down = math.hypot(math.log(latency_ms.value / latency_ms.low), math.log(quantile / shortest))
    low = max(latency_ms.value, value * math.exp(-down))
    if not has_tail(n, _PERCENT, BOUNDING_SAMPLES) or _share_limit(0, n, effective, lower=False) > 0.01:
        return Estimate(value, low, None)
    # The upper end is the last sample beyond which there is surely no more than a hundredth of all inferences.
    beyond = bisect_left(range(n), True, key=lambda k: _share_limit(k, n, effective, lower=False) > 0.01)
    longest = max(quantile, float(descending[beyond - 1]))
    up = math.hypot(math.log(latency_ms.high / latency_ms.value), math.log(longest / quantile))
    return Estimate(value, low, value * math.exp(up))


def _design_effect(ratios: Sequence[np.ndarray], pooled: np.ndarray, quantile: float) -> float:
    """How many dependent samples count as one, at least 1."""
    import numpy as np

    independent = 0.01 * 0.99
    variance, freedom = count_variance(pooled, quantile, 0.99)
    effect = variance / independent * (t_quantile(freedom) / NORMAL_975) ** 2
    d = len(ratios) - 1
    if d < 1:
        return max(1.0, effect)
    sizes = np.array([ratio.size for ratio in ratios])
    counts = np.array([np.count_nonzero(ratio > quantile) for ratio in ratios])
    between = float(((counts - sizes * counts.sum() / sizes.sum()) ** 2 / (sizes * independent)).sum()) / d
    t = t_of(OWN_LEVEL if d > 1 else OWN_LEVEL_OF_TWO, d)
    return max(1.0, effect, between * (t / NORMAL_975) ** 2)


def _share_limit(count: int, n: int, effective: float, lower: bool) -> float:
    """Clopper-Pearson limit of a share (97.5 % one-sided) of which `count` of `n` samples were seen.

    Args:
        count: Samples seen.
        n: Of so many.
        effective: As how many independent ones these count.
        lower: Which limit.
    """
    from scipy.special import betaincinv

    seen = count * effective / n
    if lower:
        return float(betaincinv(seen, effective - seen + 1, _TAIL))
    return float(betaincinv(seen + 1, effective - seen, 1 - _TAIL)) if seen < effective else 1.0
