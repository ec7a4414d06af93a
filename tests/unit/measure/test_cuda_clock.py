"""The clock of a GPU, with a stand-in for PyTorch's part of it: events on a device that works through a queue."""

import contextlib

import pytest
import torch
from virtual_session import FakeSession, VirtualTime

from bakeoff.measure.clock import CudaClock


class Cuda:
    """`torch.cuda` in virtual time: what is enqueued begins when all before it is done."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.session = FakeSession(self.time, lambda _: 2.0, dispatch_ms=0.5)

    def current_stream(self, device):
        assert device == "cuda:0"
        return self

    def stream(self, stream):
        assert stream is self
        return contextlib.nullcontext()

    def _sleep(self, cycles):
        start_ns = max(self.time.ns, self.session.free_at_ns)
        self.session.free_at_ns = start_ns + round(cycles / 3e9 * 1e9)

    def Event(self, enable_timing):  # noqa: N802
        assert enable_timing
        return Event(self)


class Event:
    """An event that happens when all that was enqueued before it is done."""

    def __init__(self, cuda: Cuda) -> None:
        self.cuda, self.ns = cuda, None

    def record(self, stream):
        assert stream is self.cuda
        self.ns = max(self.cuda.time.ns, self.cuda.session.free_at_ns)

    def query(self):
        return self.ns <= self.cuda.time.ns

    def synchronize(self):
        self.cuda.time.ns = max(self.cuda.time.ns, self.ns)

    def elapsed_time(self, end):
        return (end.ns - self.ns) / 1e6


@pytest.fixture
def cuda(monkeypatch):
    stand_in = Cuda()
    monkeypatch.setattr(torch, "cuda", stand_in)
    return stand_in


def test_latency_and_dispatch_are_the_hosts(cuda):
    inference = CudaClock("cuda:0", cuda.time.now_ns).time(cuda.session)
    assert inference.latency_ns == 2_500_000
    assert inference.dispatch_ns == 500_000


def test_the_second_of_two_is_timed_alone(cuda):
    clock = CudaClock("cuda:0", cuda.time.now_ns)
    assert clock.time_second(cuda.session) == (2.0, True)
    assert cuda.session.calls == ["run", "run", "synchronize"]


def test_behind_a_delay_the_events_see_the_device_alone(cuda):
    clock = CudaClock("cuda:0", cuda.time.now_ns)
    assert clock.time_behind(cuda.session, delay_s=1e-3) == (2.0, True)
    assert cuda.session.calls == ["run", "synchronize"]


def test_a_delay_that_is_over_too_early_is_noticed(cuda):
    """The device waited for the host within the events, so their time is the host's."""
    clock = CudaClock("cuda:0", cuda.time.now_ns)
    ms, in_time = clock.time_behind(cuda.session, delay_s=1e-4)
    assert not in_time
    assert ms > 2.0
