"""Percentiles of samples, and how many samples one needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

NORMAL_975 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution, for intervals of 95 %."""
TAIL_SAMPLES = 10
"""A percentile of latencies needs this many samples beyond it. With fewer it says more about single outliers than about
the target."""


def has_tail(n: int, percent: int, tail: int = TAIL_SAMPLES) -> bool:
    """Whether at least `tail` of `n` samples lie beyond a percentile of 1 to 99; p99 needs n >= 1000 for ten."""
    # In whole numbers, because 10 / (1 - 0.9) is 100.00000000000001 in floating point, which would refuse n = 100.
    return n * (100 - percent) >= 100 * tail


def tail_percentile(samples: Sequence[float] | np.ndarray, percent: int, tail: int = TAIL_SAMPLES) -> float | None:
    """The percentile of a sample, interpolated linearly between order statistics.

    This is definition 7 of Hyndman and Fan, "Sample quantiles in statistical packages", American Statistician 50, 1996.

    Args:
        samples: Shape (n,), in any order.
        percent: 1 to 99.
        tail: How many samples must lie beyond the percentile.

    Returns:
        None where fewer samples lie beyond it.
    """
    import numpy as np

    return float(np.percentile(samples, percent)) if has_tail(len(samples), percent, tail) else None
