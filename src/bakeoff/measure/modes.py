"""Splits a sample of latencies into a fast and a slow part, so that two speeds of one target can be told.

The sample is split where the variance between the two parts is largest (Otsu, IEEE Trans. SMC 9, 1979). How far apart
the parts are is told by Ashman's D (Ashman, Bird and Zepf, AJ 108, 1994). These are facts about any sample; whether the
two parts are two modes is judged when results are collected (`bakeoff.collect.warnings`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bakeoff.artifacts.timing import Modes

if TYPE_CHECKING:
    import numpy as np


def split_in_two(samples_ms: np.ndarray) -> Modes | None:
    """The best split of a sample into two parts.

    The outer 2 % on each side are left out: they decide variances but tell nothing about modes.

    Args:
        samples_ms: Shape (n,), milliseconds, in any order.

    Returns:
        None where there are fewer than two samples or their median is not positive.
    """
    import numpy as np

    outer = samples_ms.size // 50
    ordered = np.sort(samples_ms)[outer : samples_ms.size - outer]
    n = ordered.size
    if n < 2 or not (median := float(np.median(ordered))) > 0:
        return None
    left = np.arange(1, n)
    sums = np.cumsum(ordered)
    mean_low, mean_high = sums[:-1] / left, (sums[-1] - sums[:-1]) / (n - left)
    cut = int(np.argmax(left * (n - left) * (mean_high - mean_low) ** 2))
    low, high = ordered[: cut + 1], ordered[cut + 1 :]
    gap = float(mean_high[cut] - mean_low[cut])
    spread = math.hypot(float(low.std()), float(high.std()))
    return Modes(
        low_ms=float(mean_low[cut]),
        high_ms=float(mean_high[cut]),
        smaller_share=min(low.size, high.size) / n,
        gap_rel=gap / median,
        ashman_d=math.sqrt(2) * gap / spread if spread > 0 else None,
    )
