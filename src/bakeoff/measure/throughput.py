"""Throughput: inferences enqueued back to back, one wait at the end of many."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from bakeoff.artifacts.timing import Throughput

if TYPE_CHECKING:
    from bakeoff.backends.base import Session

MIN_RUNS = 3
"""Inferences that are enqueued at least, since fewer would hardly overlap."""
MAX_SEGMENTS = 10
"""Parts of the pass. Each ends with a wait, and their rates tell how much throughput varies."""
SEGMENT_RUNS = 5
"""Inferences of a part at least, where a call returns only when its work is done."""
SEGMENT_RUNS_QUEUED = 50
"""The same where calls are enqueued: for the wait at the end of a part the queue runs empty, which then costs less than
a fiftieth of an inference each."""


def measure_throughput(
    session: Session, batch_size: int, latency_s: float, seconds: float, now_ns: Callable[[], int], queued: bool
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
        queued: Whether calls return before their work is done, as on a GPU.
    """
    wanted = max(MIN_RUNS, math.ceil(seconds / latency_s))
    segments = max(1, min(MAX_SEGMENTS, wanted // (SEGMENT_RUNS_QUEUED if queued else SEGMENT_RUNS)))
    runs = math.ceil(wanted / segments)
    run = session.run
    session.synchronize()
    ends = [now_ns()]
    for _ in range(segments):
        for _ in range(runs):
            run()
        session.synchronize()
        ends.append(now_ns())
    items = runs * batch_size
    rates = [items / ((end - start) / 1e9) for start, end in itertools.pairwise(ends)]
    total_s = (ends[-1] - ends[0]) / 1e9
    return Throughput(items_per_s=segments * items / total_s, n=segments * runs, segments=rates if segments > 1 else [])
