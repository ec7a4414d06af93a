import gc
from dataclasses import replace

import numpy as np
import pytest
from virtual_session import FakeObserver, FakeSession, VirtualDeviceClock, VirtualTime, virtual

from bakeoff.artifacts.timing import Telemetry
from bakeoff.measure.clock import CpuClock, clock_for
from bakeoff.measure.loop import LoopSettings, measure
from bakeoff.measure.quiet_cpus import Held
from bakeoff.measure.settings import Timing, Warmup
from bakeoff.measure.throughput import measure_throughput

SETTINGS = LoopSettings(
    Warmup(min_s=0.05, max_s=1.0), Timing(min_s=0.1, max_s=1.0, min_samples=10, throughput_s=0.2), "cpu"
)


def _measure(session, clock, settings=SETTINGS, batch_size=1):
    return measure(session, batch_size, settings, clock, FakeObserver(session))


def test_latency_is_the_time_of_run_and_synchronize():
    session, clock = virtual(lambda _: 3.0, dispatch_ms=0.5)
    measured = _measure(session, clock)
    assert np.all(measured.kept.latency_ms == 3.5)
    assert measured.kept.latency_ms.dtype == np.float64
    assert measured.converged
    assert measured.steady


def test_first_inference_and_warmup_are_kept_apart():
    session, clock = virtual(lambda i: 500.0 if i == 0 else 5.0 if i < 4 else 2.0)
    measured = _measure(session, clock)
    assert measured.first_ms == 500
    assert measured.warmup_ms[0] == 5
    assert 500 not in measured.warmup_ms
    assert measured.warmup_ms.sum() / 1e3 == pytest.approx(measured.warmup_s)
    assert np.all(measured.kept.latency_ms == 2)


def test_every_latency_sample_is_synchronised_and_telemetry_is_outside():
    session, clock = virtual(lambda _: 2.0)
    measured = _measure(session, clock)
    before, after = session.calls.index("before"), session.calls.index("after")
    n = measured.kept.latency_ms.size
    assert session.calls[before + 1 : before + 1 + 2 * n] == ["run", "synchronize"] * n
    # the throughput pass: many runs, one synchronize
    queue = session.calls[before + 1 + 2 * n : after - 2 * measured.kept.closing_ms.size]
    segments = len(measured.kept.throughput.segments)
    runs = measured.kept.throughput.n // segments
    assert queue == ["synchronize", *(["run"] * runs + ["synchronize"]) * segments]
    closing = session.calls[after - 2 * measured.kept.closing_ms.size : after]
    assert closing == ["run", "synchronize"] * measured.kept.closing_ms.size
    assert session.calls[after + 1 :] == []


def test_throughput_is_items_over_time_not_the_mean_of_reciprocals():
    session, clock = virtual(lambda i: 1.0 if i % 2 else 9.0)
    throughput = measure_throughput(session, 4, 5e-3, 1.0, clock.now_ns, queued=False)
    assert throughput.n == 200
    assert len(throughput.segments) == 10
    assert np.mean(throughput.segments) == pytest.approx(throughput.items_per_s)
    assert throughput.items_per_s == pytest.approx(4 * 200 / 1.0)
    assert throughput.items_per_s < 0.5 * 4 * np.mean([1000 / 1.0, 1000 / 9.0])


def test_throughput_overlaps_dispatch_with_work():
    time = VirtualTime()
    session, clock = FakeSession(time, lambda _: 2.0, 1.0), VirtualDeviceClock(time)
    measured = _measure(session, clock, batch_size=8)
    assert np.all(measured.kept.latency_ms == 3.0)
    assert measured.kept.throughput.items_per_s == pytest.approx(8 / 2e-3, rel=0.02)


def test_cpu_has_neither_device_nor_dispatch_time():
    session, clock = virtual(lambda _: 2.0)
    measured = _measure(session, clock)
    assert measured.device_ms is None
    assert measured.kept.dispatch_ms is None


def test_dispatch_and_device_time_are_apart_from_latency():
    """The device's time has no part in which it waits for the host, which is half a millisecond behind it."""
    time = VirtualTime()
    session, clock = FakeSession(time, lambda _: 2.0, 0.5), VirtualDeviceClock(time)
    measured = _measure(session, clock)
    assert measured.kept.dispatch_ms == 0.5
    assert np.all(measured.kept.latency_ms == 2.5)
    assert measured.device_ms.size >= 10
    assert np.allclose(measured.device_ms, 2.0)
    # a pass of its own, after the machine was read
    assert session.calls.index("first of two") > session.calls.index("after")


def test_not_converged_and_not_steady_are_said():
    session, clock = virtual(lambda i: 5 * 1.02**i)
    measured = _measure(session, clock)
    assert not measured.converged
    assert not measured.steady
    assert measured.kept.latency_ms.size >= SETTINGS.timing.min_samples


def test_garbage_collector_is_off_inside_and_restored():
    seen = []
    session, clock = virtual(lambda _: bool(seen.append(gc.isenabled())) or 2.0)
    assert gc.isenabled()
    _measure(session, clock)
    assert not any(seen)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_garbage_collector_is_restored_after_an_error():
    def explode(_):
        raise RuntimeError("inference failed")

    session, clock = virtual(explode)
    with pytest.raises(RuntimeError, match="inference failed"):
        _measure(session, clock)
    assert gc.isenabled()


def test_clock_of_the_cpu_is_the_hosts():
    assert isinstance(clock_for("cpu"), CpuClock)


class BusyMachine(FakeObserver):
    """Another process takes so much of a CPU from each attempt in turn."""

    def __init__(self, session, other_cores):
        super().__init__(session)
        self.other_cores = iter(other_cores)
        self.cpus = frozenset({0})

    def telemetry(self):
        return Telemetry(other_cores=next(self.other_cores))


@pytest.mark.parametrize(
    ("other_cores", "kept", "kept_disturbed"),
    [
        ([0.0], 0, False),
        ([0.6, 0.01], 1, False),
        ([0.6, 0.5, 0.0], 2, False),
        ([0.6, 0.3, 0.5], 1, True),  # all were disturbed: the least disturbed one counts
    ],
)
def test_a_disturbed_measurement_is_taken_again_and_kept_beside(other_cores, kept, kept_disturbed):
    session, clock = virtual(lambda _: 2.0)
    held = []

    def hold():
        held.append(Held((len(held),)))
        return held[-1]

    settings = replace(SETTINGS, timing=SETTINGS.timing.model_copy(update={"retries": 2}))
    observer = BusyMachine(session, other_cores)
    measured = measure(session, 1, settings, clock, observer, hold)
    assert measured.kept.telemetry.other_cores == other_cores[kept]
    assert measured.kept.held == Held((kept,))
    assert [a.telemetry.other_cores for a in measured.disturbed] == [c for k, c in enumerate(other_cores) if k != kept]
    assert (measured.kept.why_disturbed is not None) is kept_disturbed
    assert observer.cpus == frozenset({len(other_cores) - 1})


def test_without_retries_a_disturbed_measurement_counts():
    session, clock = virtual(lambda _: 2.0)
    settings = replace(SETTINGS, timing=SETTINGS.timing.model_copy(update={"retries": 0}))
    measured = measure(session, 1, settings, clock, BusyMachine(session, [0.6]))
    assert measured.kept.why_disturbed == "other processes took 0.60 of a CPU"
    assert measured.disturbed == []
