"""The device's own time for an inference: a pass of its own, in which the device never waits for the host.

Events around a call on an idle device would also time the gaps in which the device waits for the host to enqueue the
next kernel. So the device is kept busy with something else while the inference is enqueued, and the events enclose the
inference alone (the method of NVIDIA's nvbench, "blocking kernel").

Where an inference lasts long enough, that something else is another inference. A kernel of another kind can have a
lasting effect: on an H200 with driver 580, CUDA graphs of PyTorch's kernels ran 6 to 9 % slower after about ten
spinning kernels, and stayed so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bakeoff.measure.samples import Samples

if TYPE_CHECKING:
    import numpy as np

    from bakeoff.backends.base import Session

MIN_SAMPLES = 10
FIRST_DELAY_S = 50e-6
"""Added to twice the time of dispatch for the first delay."""
MAX_DELAY_S = 0.1
MAX_TRIES = 10
"""Inferences that may be enqueued too late before another method is tried. After the last method it is concluded that
the call itself waits for the device."""


@runtime_checkable
class DeviceClock(Protocol):
    """What can time an inference while the device is busy; both say milliseconds, and whether all of the inference was
    enqueued before the device came to it.
    """

    def time_second(self, session: Session) -> tuple[float, bool]:
        """Time one inference behind another."""
        ...

    def time_behind(self, session: Session, delay_s: float) -> tuple[float, bool]:
        """Time one inference behind a kernel that spins."""
        ...


def measure_device(
    session: Session,
    clock: DeviceClock,
    latency_s: float,
    dispatch_s: float,
    seconds: float,
    now_ns: Callable[[], int],
) -> np.ndarray:
    """Time inferences by the device's events.

    An inference is enqueued behind another one where a call returns in half of an inference's time, and behind a delay
    where it takes longer. A sample that was enqueued too late is dropped, and the next delay is longer. Where no delay
    helps, because the call itself waits for the device (an operator with a data-dependent shape, a full queue), samples
    are kept as they come.

    Args:
        session: Warm, its inputs prepared.
        clock: The device's.
        latency_s: Median time of an inference by the host's clock.
        dispatch_s: Median time until the call returns.
        seconds: About how long to take.
        now_ns: The host's clock.

    Returns:
        Milliseconds, shape (n,), n >= 1.
    """
    samples, late = Samples(), 0
    behind_another, waits = dispatch_s <= latency_s / 2, False
    delay_s = 2 * dispatch_s + FIRST_DELAY_S
    start = now_ns()
    while True:
        if behind_another:
            ms, in_time = clock.time_second(session)
        else:
            ms, in_time = clock.time_behind(session, min(delay_s, MAX_DELAY_S))
        if in_time or waits:
            samples.append(ms)
        else:
            late += 1
            if not behind_another:
                delay_s *= 2
            if late >= MAX_TRIES and not len(samples):
                behind_another, waits, late = False, not behind_another, 0
        elapsed_s = (now_ns() - start) / 1e9
        if elapsed_s >= seconds and len(samples) >= (MIN_SAMPLES if elapsed_s < 4 * seconds else 1):
            return samples.array()
