"""A session whose inferences take as long as a test says, on a clock that moves only when it is told to."""

from __future__ import annotations

from collections.abc import Callable

from bakeoff.artifacts.timing import Telemetry
from bakeoff.backends.base import Session
from bakeoff.measure.clock import CpuClock, Inference


class VirtualTime:
    """Nanoseconds that pass only by `sleep_ms`."""

    def __init__(self) -> None:
        self.ns = 0

    def now_ns(self) -> int:
        return self.ns

    def sleep_ms(self, ms: float) -> None:
        self.ns += round(ms * 1e6)


class FakeSession(Session):
    """A session on a device that works through a queue: run() enqueues, synchronize() waits."""

    def __init__(self, time: VirtualTime, duration_ms: Callable[[int], float], dispatch_ms: float = 0.0) -> None:
        self.time = time
        self.duration_ms = duration_ms
        self.dispatch_ms = dispatch_ms
        self.runs = 0
        self.calls: list[str] = []
        self.free_at_ns = 0

    def prepare(self, inputs: list) -> None:
        self.calls.append("prepare")

    def run(self) -> None:
        self.calls.append("run")
        self.time.sleep_ms(self.dispatch_ms)
        start = max(self.time.ns, self.free_at_ns)
        self.free_at_ns = start + round(self.duration_ms(self.runs) * 1e6)
        self.runs += 1

    def synchronize(self) -> None:
        self.calls.append("synchronize")
        self.time.ns = max(self.time.ns, self.free_at_ns)

    def outputs(self) -> list:
        return []


class VirtualDeviceClock(CpuClock):
    """The clock of a FakeSession's device: it sees the queue."""

    def __init__(self, time: VirtualTime, never_in_time: bool = False) -> None:
        super().__init__(time.now_ns)
        self.virtual_time = time
        self.never_in_time = never_in_time
        self.delays_s: list[float] = []

    def time(self, session: FakeSession) -> Inference:
        """See CudaClock.time."""
        start = self.now_ns()
        session.run()
        returned = self.now_ns()
        session.synchronize()
        return Inference(self.now_ns() - start, returned - start)

    def time_second(self, session: FakeSession) -> tuple[float, bool]:
        """See CudaClock.time_second."""
        session.calls.append("first of two")
        session.run()
        return self._time_enqueued(session)

    def time_behind(self, session: FakeSession, delay_s: float) -> tuple[float, bool]:
        """See CudaClock.time_behind."""
        session.calls.append("delay")
        self.delays_s.append(delay_s)
        session.free_at_ns = max(self.virtual_time.ns, session.free_at_ns) + round(delay_s * 1e9)
        return self._time_enqueued(session)

    def _time_enqueued(self, session: FakeSession) -> tuple[float, bool]:
        begin_ns = max(self.virtual_time.ns, session.free_at_ns)
        session.run()
        in_time = self.virtual_time.ns < begin_ns and not self.never_in_time
        session.synchronize()
        return (session.free_at_ns - begin_ns) / 1e6, in_time


class FakeObserver:
    """Writes into the session's calls when the machine was read."""

    def __init__(self, session: FakeSession) -> None:
        self.session = session

    def before(self) -> None:
        self.session.calls.append("before")

    def after(self) -> None:
        self.session.calls.append("after")

    def telemetry(self) -> Telemetry:
        return Telemetry()


def virtual(duration_ms: Callable[[int], float], dispatch_ms: float = 0.0) -> tuple[FakeSession, CpuClock]:
    """A session and the clock that times it."""
    time = VirtualTime()
    return FakeSession(time, duration_ms, dispatch_ms), CpuClock(time.now_ns)
