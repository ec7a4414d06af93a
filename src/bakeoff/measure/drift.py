"""The level of latency in successive stretches of a round, from which a drift is told later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakeoff.artifacts.timing import Drift, Level
from bakeoff.measure.statistics import median_interval

if TYPE_CHECKING:
    import numpy as np

MIN_SAMPLES = 5
"""Fewer inferences than this tell no level."""


def drift_of(warmup_ms: np.ndarray, latency_ms: np.ndarray, closing_ms: np.ndarray) -> Drift:
    """The levels of a round.

    Args:
        warmup_ms: Shape (n,), all samples of the warm-up, in the order in which they were taken, like the others.
        latency_ms: Those of the latency pass.
        closing_ms: Those of the pass after the throughput pass.
    """
    _, warm = _halves(warmup_ms)
    first, second = _halves(latency_ms)
    return Drift(
        warmup=_level(warm), first_half=_level(first), second_half=_level(second), closing=_level(closing_ms)
    )  # fmt: skip


def _halves(samples_ms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The samples of the first and of the second half of the time."""
    import numpy as np

    until = np.cumsum(samples_ms)
    half = int(np.searchsorted(until, 0.5 * until[-1])) if samples_ms.size else 0
    return samples_ms[:half], samples_ms[half:]


def _level(samples_ms: np.ndarray) -> Level | None:
    import numpy as np

    if samples_ms.size < MIN_SAMPLES:
        return None
    low, high = median_interval(without_trend(samples_ms))
    return Level(median_ms=float(np.median(samples_ms)), ci95_ms=(low, high), n=int(samples_ms.size))


def without_trend(samples_ms: np.ndarray) -> np.ndarray:
    """The samples less the straight line through the medians of their two halves; the median stays about as it is.

    A trend within a stretch makes its samples look correlated, and the interval of its median so wide that it would
    excuse the very drift that is looked for.

    Args:
        samples_ms: Shape (n,), milliseconds, in the order in which they were taken.
    """
    import numpy as np

    n = samples_ms.size
    if n < 2 * MIN_SAMPLES:
        return samples_ms
    rise_ms = float(np.median(samples_ms[n // 2 :]) - np.median(samples_ms[: n // 2]))
    return samples_ms - rise_ms * 2 * ((np.arange(n) + 0.5) / n - 0.5)
