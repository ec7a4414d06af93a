"""Whether a sample has two modes, so that its median lies between two speeds or is one of two.

The sample is split where the variance between the two parts is largest (Otsu, IEEE Trans. SMC 9, 1979); the parts are
two modes when Ashman's D between them is large (Ashman, Bird and Zepf, AJ 108, 1994) and neither is a mere tail.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

MIN_SAMPLES = 100
MIN_SHARE = 0.2
"""A smaller part is a tail: interruptions, not a second speed."""
MIN_D = 4.5
"""Ashman's D of the two halves of a normal sample is 2.7, of a uniform one 3.5, of two clearly parted modes above 5."""
MIN_GAP = 0.05
"""Modes closer than this fraction of the median are no matter to anybody."""


def is_bimodal(samples: np.ndarray) -> bool:
    """Whether the sample, shape (n,), has two clearly parted modes. False for fewer than `MIN_SAMPLES`."""
    import numpy as np

    n = samples.size
    if n < MIN_SAMPLES:
        return False
    # The outer 2 % decide variances but tell nothing about modes.
    ordered = np.sort(samples)[n // 50 : n - n // 50]
    n = ordered.size
    left = np.arange(1, n)
    sums = np.cumsum(ordered)
    mean_low, mean_high = sums[:-1] / left, (sums[-1] - sums[:-1]) / (n - left)
    cut = int(np.argmax(left * (n - left) * (mean_high - mean_low) ** 2))
    low, high = ordered[: cut + 1], ordered[cut + 1 :]
    gap = float(mean_high[cut] - mean_low[cut])
    if min(low.size, high.size) < MIN_SHARE * n or gap < MIN_GAP * float(np.median(ordered)):
        return False
    spread = math.hypot(float(low.std()), float(high.std()))
    return math.sqrt(2) * gap > MIN_D * spread
