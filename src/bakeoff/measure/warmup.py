"""When warm-up is over: not after a fixed count, but when latency has stopped drifting.

What matters is not how far two moments of the warm-up lie apart but how far latency will still move while it is timed.
So the pace of the drift is looked at, at the end of the warm-up: the medians of its third and its fourth quarter (by
time). At this pace another half of the warm-up's length would add twice their difference. This is the drift left. A
level that settles exponentially with a time constant of 2 s is so waited for until it is within a few thousandths; one
that takes 10 s cannot be waited for, and is told.

The quarters are compared on a geometric schedule, so that the first, slow inferences leave them as warm-up goes on, and
comparing costs little.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from bakeoff.measure.drift import without_trend
from bakeoff.measure.settings import Warmup
from bakeoff.measure.statistics import median_interval

if TYPE_CHECKING:
    import numpy as np

DRIFT_REL = 0.01
"""A drift left of no more than this fraction of the latency is none. It equals the default of timing.ci_rel, since a
smaller drift does not show in the result."""
MIN_WINDOW = 2
"""Samples that a quarter needs. That makes eight inferences in all, few enough for slow targets."""
LOOK_FACTOR = 1.25
"""Warm-up lasts this much longer from one look at the samples to the next."""
PROVE_FACTOR = 4
"""Where jitter hides whether there is a drift, warm-up goes on for up to so many times `min_s` to find out. After that
it goes on only while a drift shows."""
MOST_NOISE = 0.25
"""Noise excuses a difference up to this fraction of the latency."""


class Drift(NamedTuple):
    """The drift left at the end of a warm-up, as a fraction of the latency."""

    left: float
    """Positive where latency rises."""
    noise: float
    """Half the width of its 95 % interval."""

    @property
    def shows(self) -> bool:
        """Whether there is one that chance does not explain, and that matters."""
        return abs(self.left) > max(DRIFT_REL, min(self.noise, 2 * MOST_NOISE))

    @property
    def excluded(self) -> bool:
        """Whether it is certain that there is none that matters."""
        return abs(self.left) + self.noise <= DRIFT_REL


class WarmupCriterion:
    """Says when to stop warming up. Ask `over` after each inference."""

    def __init__(self, settings: Warmup) -> None:
        self._settings = settings
        self._min_s = settings.least_s
        self._next_look_s = self._min_s
        self.steady = False
        """Whether latency had stopped drifting at the last look, as far as its jitter lets that be told."""

    def over(self, samples_ms: np.ndarray, elapsed_s: float) -> bool:
        """Whether to stop.

        Args:
            samples_ms: Shape (n,), n >= 1, all warm-up samples so far.
            elapsed_s: Time since warm-up started.
        """
        if elapsed_s < min(self._next_look_s, self._settings.max_s):
            return False
        self._next_look_s = LOOK_FACTOR * elapsed_s
        drift = drift_left(samples_ms)
        self.steady = drift is not None and not drift.shows
        if elapsed_s >= self._settings.max_s:
            return True
        if drift is None:
            return False
        return drift.excluded or (self.steady and elapsed_s >= PROVE_FACTOR * self._min_s)


def drift_left(samples_ms: np.ndarray) -> Drift | None:
    """How far latency would still move in another half of the warm-up's time; None where the samples are too few.

    Args:
        samples_ms: Shape (n,), milliseconds, in the order in which they were taken.
    """
    import numpy as np

    until = np.cumsum(samples_ms)
    half, three_quarters = np.searchsorted(until, [0.5 * until[-1], 0.75 * until[-1]])
    before, after = samples_ms[half:three_quarters], samples_ms[three_quarters:]
    if min(before.size, after.size) < MIN_WINDOW:
        return None
    median = float(np.median(after))
    noise = math.hypot(*(_half_width(window) for window in (before, after)))
    return Drift(2 * (median - float(np.median(before))) / median, 2 * noise / median)


def _half_width(window: np.ndarray) -> float:
    low, high = median_interval(without_trend(window))
    return (high - low) / 2
