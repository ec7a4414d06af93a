"""The device's own time for an inference: a pass of its own, in which the device never waits for the host.

Events around a call on an idle device would also time the gaps in which the device waits for the next kernel to be
enqueued, which is the host's speed. So the device is given a delay to work off first, the inference is enqueued behind
it, and the events stand around the inference (the method of NVIDIA's nvbench, "blocking kernel").
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
"""Delays that may turn out too short before it is taken that the call itself waits for the device."""


@runtime_checkable
class DeviceClock(Protocol):
    """What can time an inference behind a delay."""

    def time_behind(self, session: Session, delay_s: float) -> tuple[float, bool]:
        """Milliseconds of one inference, and whether all of it was enqueued before the delay was over."""
        ...


def measure_device(
    session: Session, clock: DeviceClock, dispatch_s: float, seconds: float, now_ns: Callable[[], int]
) -> np.ndarray:
    """Time inferences by the device's events.

    A sample whose delay was over before the call returned is dropped and the next delay is longer. Where that never
    helps, since the call waits for the device (an operator with a data-dependent shape, a full queue), samples are kept
    as they come.

    Args:
        session: Warm, its inputs prepared.
        clock: The device's.
        dispatch_s: Median time until the call returns.
        seconds: About how long to take.
        now_ns: The host's clock.

    Returns:
        Milliseconds, shape (n,), n >= 1.
    """
    samples, late, waits = Samples(), 0, False
    delay_s = 2 * dispatch_s + FIRST_DELAY_S
    start = now_ns()
    while True:
        ms, in_time = clock.time_behind(session, min(delay_s, MAX_DELAY_S))
        if in_time or waits:
            samples.append(ms)
        else:
            late += 1
            delay_s *= 2
            waits = late >= MAX_TRIES and not len(samples)
        elapsed_s = (now_ns() - start) / 1e9
        if elapsed_s >= seconds and len(samples) >= (MIN_SAMPLES if elapsed_s < 4 * seconds else 1):
            return samples.array()
