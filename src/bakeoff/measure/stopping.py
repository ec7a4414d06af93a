"""When a round has enough samples. The criterion sees samples and says yes or no; it knows nothing of the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakeoff.measure.settings import Timing
from bakeoff.measure.statistics import median_interval, relative_half_width

if TYPE_CHECKING:
    import numpy as np

LOOK_FACTOR = 1.1
"""The sample grows by this factor from one look to the next, which gives about 70 looks on the way to 10,000 samples.
That is so few that neither their cost nor their effect on caches shows in a median, and that a sample whose interval is
narrow by chance is seldom caught."""


def is_converged(samples_ms: np.ndarray, ci_rel: float) -> bool:
    """Whether both ends of the 95 % confidence interval of the median are within the fraction `ci_rel` of it."""
    import numpy as np

    return relative_half_width(float(np.median(samples_ms)), median_interval(samples_ms)) <= ci_rel


class StoppingCriterion:
    """Says when to stop a round. Ask `over` after each inference."""

    def __init__(self, settings: Timing) -> None:
        self._settings = settings
        self._next_look_n = settings.min_samples

    def over(self, samples_ms: np.ndarray, elapsed_s: float) -> bool:
        """Whether to stop.

        Args:
            samples_ms: Shape (n,), n >= 1, all samples so far.
            elapsed_s: Time since the round's timing started.
        """
        n = samples_ms.size
        if n < self._settings.min_samples or elapsed_s < self._settings.min_s:
            return False
        if elapsed_s >= self._settings.max_s:
            return True
        if n < self._next_look_n:
            return False
        self._next_look_n = max(n + 1, round(LOOK_FACTOR * n))
        return is_converged(samples_ms, self._settings.ci_rel)
