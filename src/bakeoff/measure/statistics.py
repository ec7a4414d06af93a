"""Summary of a sample of durations, with confidence intervals of quantiles that allow for autocorrelation.

The interval is the distribution-free one between two order statistics (Woodruff, "Confidence intervals for
medians and other position measures", JASA 47, 1952): the ranks n·q ± t·sqrt(n·v), where v is the variance that
one observation adds to the number of observations below the quantile. It is q·(1 - q) for independent observations.
Successive inferences are not independent (clocks and neighbours change slowly), so v is the long-run variance of
the indicators 1[x_i <= quantile] (Bahadur representation of quantiles of dependent sequences: Sen, J. Multivariate
Anal. 2, 1972), estimated by overlapping batch means (Meketon and Schmeiser, Winter Simulation Conference 1984).
The batch length is the plug-in for a Bartlett window and an AR(1) process (Andrews, Econometrica 59, 1991, eq. 6.2
and 6.4), which the overlapping-batch-means estimator is asymptotically equal to; t has the 1.5·(n/b - 1) degrees of
freedom of that estimator.

Jitter hides a slow wander from the correlation of neighbours that the plug-in needs: with jitter of 5 % on a wander of
2 % that lasts for 500 inferences it is 0.1, and the batch comes out a hundred times too short. So the plug-in is
computed of means of 4, 16, 64, ... successive indicators, too, from which jitter averages out, and the longest batch
counts. One interval costs one sort and a few cumulative sums, where a block bootstrap would cost hundreds of sorts, so
it is cheap enough to be computed again and again as a stopping criterion.

What no interval from one sample can contain is a wander that lasts about as long as the sample.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from bakeoff.artifacts.timing import Distribution
from bakeoff.core.quantiles import NORMAL_975, tail_percentile

if TYPE_CHECKING:
    import numpy as np

_BATCH_FACTOR = 2.0
"""Twice the batch length of least mean squared error, because an interval that is too narrow does more harm than one
that is a little too wide. With it, intervals of a simulated AR(1) process (coefficient 0.9, n = 1000) cover in 93 % of
cases instead of 88 %, and those of independent samples are 4 % wider."""
_MAX_CORRELATION = 0.97
"""Cap on the estimated AR(1) coefficient. Without it one level shift would call for a batch longer than the sample."""
_STEP = 4
"""Each means are of so many times more indicators than the ones before."""
_MIN_MEANS = 30
"""Fewer means than this tell no correlation."""
_LEAST_CORRELATION = 1.3
"""Times 1/sqrt(number of means): a correlation of means below this is taken for chance. With it intervals of
independent samples are 4 to 6 % wider than those of the plug-in from neighbours alone."""


def median_interval(samples: np.ndarray) -> tuple[float, float]:
    """95 % confidence interval of the median of a stationary sequence; see the module's text for the method.

    With five independent samples it is their range. That covers the median in 93.75 % of cases, the most that five
    samples allow; with fewer than five the range covers it less often.

    Args:
        samples: Shape (n,), n >= 1, in the order in which they were taken.
    """
    return quantile_interval(samples, 0.5)


def quantile_interval(samples: np.ndarray, q: float) -> tuple[float, float]:
    """95 % confidence interval of a quantile of a stationary sequence; see the module's text for the method.

    Args:
        samples: Shape (n,), n >= 1, in the order in which they were taken.
        q: Above 0 and below 1; 0.5 is the median. Fewer than ten samples beyond the quantile make the interval end at
            the largest (or smallest) sample, which then does not cover.
    """
    import numpy as np

    ordered = np.sort(samples)
    n = ordered.size
    quantile = float(np.quantile(ordered, q))
    variance, freedom = count_variance(samples, quantile, q)
    half = t_quantile(freedom) * math.sqrt(n * variance)
    # half a rank: continuity correction
    low = max(0, math.floor(n * q - half + 0.5) - 1)
    high = min(n - 1, n - max(0, math.floor(n * (1 - q) - half + 0.5)))
    return float(ordered[low]), float(ordered[max(low, high)])


def relative_half_width(median: float, interval: tuple[float, float]) -> float:
    """The larger distance from the median to an end of its interval, as a fraction of the median."""
    return max(median - interval[0], interval[1] - median) / median if median > 0 else math.inf


def summarize(samples_ms: np.ndarray) -> Distribution:
    """Summary of durations.

    Args:
        samples_ms: Shape (n,), n >= 1, milliseconds, in the order in which they were taken.

    Raises:
        ValueError: The sample is empty.
    """
    import numpy as np

    if samples_ms.size == 0:
        raise ValueError("a sample without values has no summary")
    return Distribution(
        median=float(np.median(samples_ms)),
        mean=float(samples_ms.mean()),
        std=float(samples_ms.std(ddof=1)) if samples_ms.size > 1 else 0.0,
        min=float(samples_ms.min()),
        max=float(samples_ms.max()),
        p90=tail_percentile(samples_ms, 90),
        p95=tail_percentile(samples_ms, 95),
        p99=tail_percentile(samples_ms, 99),
        ci95=median_interval(samples_ms),
        n=int(samples_ms.size),
    )


def t_quantile(freedom: float) -> float:
    """97.5 % quantile of Student's t.

    From four degrees of freedom up it is the Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5), which is right to
    0.1 %. Below, it is exact for whole numbers, and between them its logarithm is interpolated in 1/freedom, which is
    right to 3 %. SciPy has it exactly, but takes 0.5 s to import, which a timing process should not have to do.
    """
    if freedom < 4:
        knots = [(1.0, 12.7062), (2.0, 4.3027), (3.0, 3.1824), (4.0, 2.7764)]
        x = 1 / max(freedom, 1.0)
        for (f0, t0), (f1, t1) in itertools.pairwise(knots):
            if freedom <= f1:
                share = (1 / f0 - x) / (1 / f0 - 1 / f1)
                return t0 * (t1 / t0) ** share
    z = NORMAL_975
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    g4 = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + g1 / freedom + g2 / freedom**2 + g3 / freedom**3 + g4 / freedom**4


def count_variance(samples: np.ndarray, quantile: float, q: float) -> tuple[float, float]:
    """Long-run variance of 1[x <= quantile], never below the q·(1 - q) of independent samples; degrees of freedom."""
    import numpy as np

    n, least = samples.size, q * (1 - q)
    # A sample that equals the quantile counts half. A coarse clock gives many of these, and none of them lies below it.
    below = (samples < quantile) + 0.5 * (samples == quantile)
    deviation = below - below.mean()
    if n < 8 or not deviation.any():
        return least, math.inf
    sums = np.concatenate(([0.0], np.cumsum(deviation)))
    batch = min(round(_batch_length(sums)), n // 4)
    if batch < 1:
        return least, math.inf
    windows = sums[batch:] - sums[:-batch]
    # n·b / ((n-b+1)(n-b)) · sum of (batch mean)², written with batch sums.
    variance = n * float(windows @ windows) / (batch * (n - batch + 1) * (n - batch))
    return max(least, variance), max(1.0, 1.5 * (n / batch - 1))


def _batch_length(sums: np.ndarray) -> float:
    """The longest batch length of those that means of ever more indicators call for; 0 where nothing is correlated.

    Args:
        sums: Shape (n + 1,), cumulative sums of the indicators less their mean, from 0.
    """
    import numpy as np

    longest, size = 0.0, 1
    while True:
        means = np.diff(sums[: (sums.size - 1) // size * size + 1 : size])
        count = means.size
        if size > 1 and count < _MIN_MEANS:
            return longest
        means = means - means.mean()
        power = float(means @ means)
        if power > 0:
            rho = float(means[1:] @ means[:-1]) / power
            # The estimate of an autocorrelation from n values is low by about (1 + 4 rho) / n (Marriott and Pope, 1954)
            rho = min(rho + (1 + 4 * rho) / count, _MAX_CORRELATION)
            if rho > (0 if size == 1 else _LEAST_CORRELATION / math.sqrt(count)):
                alpha = 4 * rho**2 / ((1 - rho) ** 2 * (1 + rho) ** 2)
                longest = max(longest, max(1.0, size * _BATCH_FACTOR * 1.1447 * (alpha * count) ** (1 / 3)))
        size *= _STEP
