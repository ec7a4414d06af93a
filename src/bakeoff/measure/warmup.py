"""When warm-up is over: not after a fixed count, but when the running median has stopped drifting.

The trailing half of the warm-up is split into two windows of equal time. They are compared on a geometric schedule,
so that the first, slow inferences leave the windows as warm-up goes on, and comparing costs little.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bakeoff.measure.settings import Warmup
from bakeoff.measure.statistics import median_interval

if TYPE_CHECKING:
    import numpy as np

DRIFT_REL = 0.01
"""Medians of successive windows that differ by no more than this fraction count as equal. Caches, allocators and code
generation change the first inferences by much more. It equals the default of timing.ci_rel, since a smaller drift does
not show in the result."""
MIN_WINDOW = 2
"""Samples that a window needs. That makes eight inferences in all, few enough for slow targets."""
LOOK_FACTOR = 1.25
"""Warm-up lasts this much longer from one look at the samples to the next."""


class WarmupCriterion:
    """Says when to stop warming up. Ask `over` after each inference."""

    def __init__(self, settings: Warmup) -> None:
        self._settings = settings
        self._next_look_s = settings.min_s
        self.steady = False
        """Whether the running median had stopped drifting at the last look."""

    def over(self, samples_ms: np.ndarray, elapsed_s: float) -> bool:
        """Whether to stop.

        Args:
            samples_ms: Shape (n,), n >= 1, all warm-up samples so far.
            elapsed_s: Time since warm-up started.
        """
        if elapsed_s < min(self._next_look_s, self._settings.max_s):
            return False
        self._next_look_s = LOOK_FACTOR * elapsed_s
        self.steady = is_steady(samples_ms)
        return self.steady or elapsed_s >= self._settings.max_s


def is_steady(samples_ms: np.ndarray) -> bool:
    """Whether the medians of the third and the fourth quarter (by time) differ by no more than drift or noise allows.

    Noise is the difference that the 95 % confidence intervals of the two medians explain. On a noisy machine warming up
    for longer would not help, so a difference within the noise is allowed, up to a quarter of the median.
    """
    import numpy as np

    until = np.cumsum(samples_ms)
    half, three_quarters = np.searchsorted(until, [0.5 * until[-1], 0.75 * until[-1]])
    before, after = samples_ms[half:three_quarters], samples_ms[three_quarters:]
    if min(before.size, after.size) < MIN_WINDOW:
        return False
    median = float(np.median(after))
    noise = math.hypot(*(_half_width(window) for window in (before, after)))
    return abs(float(np.median(before)) - median) <= max(DRIFT_REL * median, min(noise, 0.25 * median))


def _half_width(window: np.ndarray) -> float:
    low, high = median_interval(window)
    return (high - low) / 2
