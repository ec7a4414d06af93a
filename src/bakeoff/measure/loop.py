"""The one timing loop, for every backend.

    first inference (cold) -> warm-up -> [telemetry] latency, throughput, latency again [telemetry] -> device time (GPU)

Latency is one inference at a time by the host's clock, synchronised; throughput and device time are passes of their
own. Stopping criteria look at the samples between two inferences, never inside one. What lies between the two readings
of the machine is measured again where they say that something disturbed it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bakeoff.artifacts.timing import Drift, Telemetry, Throughput
from bakeoff.measure.clock import Clock, clock_for
from bakeoff.measure.device_time import DeviceClock, measure_device
from bakeoff.measure.disturbance import disturbance, taken_cores
from bakeoff.measure.drift import drift_of
from bakeoff.measure.garbage import no_garbage_collection
from bakeoff.measure.quiet_cpus import Held
from bakeoff.measure.samples import Samples
from bakeoff.measure.settings import Timing, Warmup
from bakeoff.measure.stopping import StoppingCriterion, is_converged
from bakeoff.measure.telemetry import Observer
from bakeoff.measure.throughput import measure_throughput
from bakeoff.measure.warmup import WarmupCriterion

if TYPE_CHECKING:
    import numpy as np

    from bakeoff.backends.base import Session

CLOSING_SAMPLES = 10
"""Inferences of the closing pass at least, unless they would take four times as long as it should."""


@dataclass(frozen=True)
class LoopSettings:
    """How to measure."""

    warmup: Warmup
    timing: Timing
    device: str
    """`cpu` or `cuda:<index>`."""


@dataclass(frozen=True)
class Attempt:
    """What lies between two readings of the machine; arrays are float64 of shape (n,), in the order of measurement."""

    latency_ms: np.ndarray
    dispatch_ms: float | None
    """Median time until the call returned; None on a CPU."""
    throughput: Throughput
    closing_ms: np.ndarray
    """Inferences one at a time after the throughput pass."""
    telemetry: Telemetry
    why_disturbed: str | None
    """In words; None where nothing disturbed it, as far as is known."""
    held: Held | None
    """The CPUs that the process was held on; None where it was not tried."""


@dataclass(frozen=True)
class Measurement:
    """What was measured in one round; all arrays are float64 of shape (n,), in the order of measurement."""

    first_ms: float
    """The first inference of the process."""
    warmup_ms: np.ndarray
    """Warm-up samples, the first inference not among them."""
    warmup_s: float
    steady: bool
    """Whether latency had stopped drifting when warm-up ended."""
    kept: Attempt
    """The attempt that counts."""
    device_ms: np.ndarray | None
    """Inferences by the device's events, none of which waited for the host; None on a CPU."""
    converged: bool
    """Whether the confidence interval of the median is within timing.ci_rel of it."""
    drift: Drift
    disturbed: list[Attempt] = field(default_factory=list)
    """Attempts that were disturbed and do not count."""


def measure(
    session: Session,
    batch_size: int,
    settings: LoopSettings,
    clock: Clock | None = None,
    observer: Observer | None = None,
    hold: Callable[[], Held] | None = None,
) -> Measurement:
    """Measure a session whose `prepare` was called and whose `run` was not.

    Args:
        session: A loaded engine with its inputs on the device.
        batch_size: Items of one inference.
        settings: Warm-up, timing and device.
        clock: The device's own when left out.
        observer: Watches the machine around the timed region; that of the device when left out.
        hold: Holds the process on quiet CPUs; called before the first inference, and before a disturbed measurement is
            taken again. Nothing is held when left out.
    """
    clock = clock or clock_for(settings.device)
    observer = observer or Observer(settings.device)
    now = clock.now_ns
    with no_garbage_collection():
        held = _hold(hold, observer)
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

        attempts = [_attempt(session, batch_size, settings, clock, observer, held)]
        while attempts[-1].why_disturbed and len(attempts) <= settings.timing.retries:
            held = _hold(hold, observer)
            attempts.append(_attempt(session, batch_size, settings, clock, observer, held))
        kept = least_disturbed(attempts)

        device_ms = None
        if isinstance(clock, DeviceClock):
            import numpy as np

            median_s = float(np.median(kept.latency_ms)) / 1e3
            dispatch_s = (kept.dispatch_ms or 0.0) / 1e3
            device_ms = measure_device(session, clock, median_s, dispatch_s, settings.timing.throughput_s, now)

    return Measurement(
        first_ms=first_ms,
        warmup_ms=warmup_ms.array(),
        warmup_s=warmup_s,
        steady=warming.steady,
        kept=kept,
        device_ms=device_ms,
        converged=is_converged(kept.latency_ms, settings.timing.ci_rel),
        drift=drift_of(warmup_ms.array(), kept.latency_ms, kept.closing_ms),
        disturbed=[attempt for attempt in attempts if attempt is not kept],
    )


def least_disturbed(attempts: Sequence[Attempt]) -> Attempt:
    """The attempt that counts: the last where nothing disturbed it, else the one from which others took least."""
    if attempts[-1].why_disturbed is None:
        return attempts[-1]
    return min(attempts, key=lambda attempt: taken_cores(attempt.telemetry))


def _hold(hold: Callable[[], Held] | None, observer: Observer) -> Held | None:
    if hold is None:
        return None
    held = hold()
    if held.cpus:
        observer.cpus = frozenset(held.cpus)
    return held


def _attempt(
    session: Session, batch_size: int, settings: LoopSettings, clock: Clock, observer: Observer, held: Held | None
) -> Attempt:
    import numpy as np

    now, timing = clock.now_ns, settings.timing
    observer.before()
    latency_ms, dispatch_ms = Samples(), Samples()
    stopping = StoppingCriterion(timing)
    start = now()
    while True:
        inference = clock.time(session)
        latency_ms.append(inference.latency_ns / 1e6)
        if inference.dispatch_ns is not None:
            dispatch_ms.append(inference.dispatch_ns / 1e6)
        if stopping.over(latency_ms.array(), (now() - start) / 1e9):
            break
    median_s = float(np.median(latency_ms.array())) / 1e3
    queued = isinstance(clock, DeviceClock)
    throughput = measure_throughput(session, batch_size, median_s, timing.throughput_s, now, queued)
    closing_ms = _closing(session, clock, timing.throughput_s)
    observer.after()
    telemetry = observer.telemetry()
    return Attempt(
        latency_ms=latency_ms.array(),
        dispatch_ms=float(np.median(dispatch_ms.array())) if len(dispatch_ms) else None,
        throughput=throughput,
        closing_ms=closing_ms,
        telemetry=telemetry,
        why_disturbed=disturbance(telemetry, settings.device != "cpu"),
        held=held,
    )


def _closing(session: Session, clock: Clock, seconds: float) -> np.ndarray:
    """Inferences one at a time, in milliseconds: is latency still what it was?"""
    samples, start = Samples(), clock.now_ns()
    while True:
        samples.append(clock.time(session).latency_ns / 1e6)
        elapsed_s = (clock.now_ns() - start) / 1e9
        if elapsed_s >= seconds and (len(samples) >= CLOSING_SAMPLES or elapsed_s >= 4 * seconds):
            return samples.array()
