"""Durations of single runs from counters that only tell the average over all runs so far."""

from __future__ import annotations

from collections.abc import Sequence


def durations_us(averages_us: Sequence[float], skip: int = 0) -> list[float]:
    """Durations of runs skip+1, skip+2, ... from the averages read after runs 1, 2, 3, ....

    After k runs the total is k times the average, and a run's duration is the difference of two totals.
    Averages in whole microseconds make a total uncertain by up to k microseconds, so few runs should follow a
    reset of the counters; totals never decrease, which keeps durations from becoming negative.
    """
    durations, total = [], 0.0
    for k, average in enumerate(averages_us, start=1):
        now = max(total, k * average)
        durations.append(now - total)
        total = now
    return durations[skip:]
