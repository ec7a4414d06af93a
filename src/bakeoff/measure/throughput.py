"""Throughput: inferences enqueued back to back, one wait at the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from bakeoff.artifacts.timing import Throughput

if TYPE_CHECKING:
    from bakeoff.backends.base import Session

MIN_RUNS = 3
"""Inferences that are enqueued at least, since fewer would hardly overlap."""


def measure_throughput(
    session: Session, batch_size: int, latency_s: float, seconds: float, now_ns: Callable[[], int]
) -> Throughput:
    """Items per second when the next inference is enqueued without waiting for the last.

    The figure is the number of all items over the whole time. The mean of reciprocal latencies would be larger
    (Jensen's inequality) and is not a rate at which anything ran. The number of runs is fixed before, so that nothing
    but the runs is timed.

    Args:
        session: Warm, its inputs prepared.
        batch_size: Items of one inference.
        latency_s: Median latency, from which the number of runs follows.
        seconds: About how long to take.
        now_ns: The host's clock.
    """
    n = max(MIN_RUNS, math.ceil(seconds / latency_s))
    run = session.run
    session.synchronize()
    start = now_ns()
    for _ in range(n):
        run()
    session.synchronize()
    elapsed_s = (now_ns() - start) / 1e9
    return Throughput(items_per_s=n * batch_size / elapsed_s, n=n)
