"""The one timing loop, for every backend.

    first inference (cold) -> warm-up -> [telemetry] latency, throughput [telemetry] -> device time (on a GPU)

Latency is one inference at a time by the host's clock, synchronised; throughput and device time are passes of their
own. Stopping criteria look at the samples between two inferences, never inside one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakeoff.artifacts.timing import Telemetry, Throughput
from bakeoff.measure.clock import Clock, clock_for
from bakeoff.measure.device_time import DeviceClock, measure_device
from bakeoff.measure.garbage import no_garbage_collection
from bakeoff.measure.samples import Samples
from bakeoff.measure.settings import Timing, Warmup
from bakeoff.measure.stopping import StoppingCriterion, is_converged
from bakeoff.measure.telemetry import Observer
from bakeoff.measure.throughput import measure_throughput
from bakeoff.measure.warmup import WarmupCriterion

if TYPE_CHECKING:
    import numpy as np

    from bakeoff.backends.base import Session


@dataclass(frozen=True)
class LoopSettings:
    """How to measure."""

    warmup: Warmup
    timing: Timing
    device: str
    """`cpu` or `cuda:<index>`."""


@dataclass(frozen=True)
class Measurement:
    """What was measured in one round; all arrays are float64 of shape (n,), in the order of measurement."""

    first_ms: float
    """The first inference of the process."""
    warmup_ms: np.ndarray
    """Warm-up samples, the first inference not among them."""
    warmup_s: float
    steady: bool
    """Whether the running median had stopped drifting when warm-up ended."""
    latency_ms: np.ndarray
    device_ms: np.ndarray | None
    """Inferences by the device's events, none of which waited for the host; None on a CPU."""
    dispatch_ms: float | None
    """Median time until the call returned; None on a CPU."""
    converged: bool
    """Whether the confidence interval of the median is within timing.ci_rel of it."""
    throughput: Throughput
    telemetry: Telemetry


def measure(
    session: Session,
    batch_size: int,
    settings: LoopSettings,
    clock: Clock | None = None,
    observer: Observer | None = None,
) -> Measurement:
    """Measure a session whose `prepare` was called and whose `run` was not.

    Args:
        session: A loaded engine with its inputs on the device.
        batch_size: Items of one inference.
        settings: Warm-up, timing and device.
        clock: The device's own when left out.
        observer: Watches the machine around the timed region; that of the device when left out.
    """
    import numpy as np

    clock = clock or clock_for(settings.device)
    observer = observer or Observer(settings.device)
    now = clock.now_ns
    with no_garbage_collection():
        session.synchronize()
        first_ms = clock.time(session).latency_ns / 1e6

        warmup_ms = Samples()
        warming = WarmupCriterion(settings.warmup)
        start = now()
        while True:
            warmup_ms.append(clock.time(session).latency_ns / 1e6)
            elapsed_s = (now() - start) / 1e9
            if warming.over(warmup_ms.array(), elapsed_s):
                break
        warmup_s = (now() - start) / 1e9

        observer.before()
        latency_ms, dispatch_ms = Samples(), Samples()
        stopping = StoppingCriterion(settings.timing)
        start = now()
        while True:
            inference = clock.time(session)
            latency_ms.append(inference.latency_ns / 1e6)
            if inference.dispatch_ns is not None:
                dispatch_ms.append(inference.dispatch_ns / 1e6)
            if stopping.over(latency_ms.array(), (now() - start) / 1e9):
                break

        median_s = float(np.median(latency_ms.array())) / 1e3
        pass_s = settings.timing.throughput_s
        throughput = measure_throughput(session, batch_size, median_s, pass_s, now)
        observer.after()

        median_dispatch_ms = float(np.median(dispatch_ms.array())) if len(dispatch_ms) else None
        device_ms = None
        if isinstance(clock, DeviceClock):
            device_ms = measure_device(session, clock, median_s, (median_dispatch_ms or 0.0) / 1e3, pass_s, now)

    return Measurement(
        first_ms=first_ms,
        warmup_ms=warmup_ms.array(),
        warmup_s=warmup_s,
        steady=warming.steady,
        latency_ms=latency_ms.array(),
        device_ms=device_ms,
        dispatch_ms=median_dispatch_ms,
        converged=is_converged(latency_ms.array(), settings.timing.ci_rel),
        throughput=throughput,
        telemetry=observer.telemetry(),
    )
