"""Timing the kernels that Inductor chooses among, with a stand-in for the GPU: a queue that the host fills slowly."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from inductor_stand_in import Benchmarker, turns
from torch._inductor.runtime import benchmarking

from bakeoff.backends.inductor.kernel_benchmark import MAX_REPETITIONS, ReplayTimer, kernels_timed

LAUNCH_S = 20e-6
"""What the host takes to launch a kernel, or to start a graph."""


class Gpu:
    """`torch.cuda` with one stream: what is enqueued begins when all before it is done. Times in seconds."""

    OutOfMemoryError = torch.cuda.OutOfMemoryError

    def __init__(self) -> None:
        self.host_s = self.free_at_s = 0.0
        self.capturing: list[float] | None = None
        self.pools: list[Any] = []
        self.streams: list[str] = []

    def kernel(self, takes_s: float) -> Callable[[], None]:
        """Launches a kernel."""

        def launch() -> None:
            self.host_s += LAUNCH_S
            if self.capturing is None:
                self.enqueue(takes_s)
            else:
                self.capturing.append(takes_s)

        return launch

    def enqueue(self, takes_s: float) -> None:
        self.free_at_s = max(self.host_s, self.free_at_s) + takes_s

    def synchronize(self) -> None:
        if self.capturing is not None:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.host_s = max(self.host_s, self.free_at_s)

    def _sleep(self, cycles: int) -> None:
        self.enqueue(cycles / 2e9)

    def Event(self, enable_timing: bool) -> "Event":  # noqa: N802
        assert enable_timing
        return Event(self)

    def CUDAGraph(self) -> "Graph":  # noqa: N802
        return Graph(self)

    def Stream(self) -> str:  # noqa: N802
        return "own"

    @contextlib.contextmanager
    def stream(self, stream: str) -> Iterator[None]:
        self.streams.append(stream)
        yield
        self.streams.pop()


class Event:
    """When the stream came to it."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu, self.at_s = gpu, 0.0

    def record(self) -> None:
        self.at_s = max(self.gpu.host_s, self.gpu.free_at_s)

    def synchronize(self) -> None:
        self.gpu.host_s = max(self.gpu.host_s, self.at_s)

    def elapsed_time(self, end: "Event") -> float:
        return (end.at_s - self.at_s) * 1e3


class Graph:
    """Kernels that one call enqueues."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu, self.kernels = gpu, []

    def capture_begin(self, pool: Any = None, capture_error_mode: str = "global") -> None:
        assert capture_error_mode == "thread_local"  # others compile meanwhile
        self.gpu.pools.append(pool)
        self.gpu.capturing = self.kernels

    def capture_end(self) -> None:
        self.gpu.capturing = None

    def pool(self) -> str:
        return "shared"

    def replay(self) -> None:
        self.gpu.host_s += LAUNCH_S
        for takes_s in self.kernels:
            self.gpu.enqueue(takes_s)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    stand_in = Gpu()
    monkeypatch.setattr(torch, "cuda", stand_in)
    return stand_in


@pytest.mark.parametrize("takes_s", [2e-6, 15e-6, 90e-6, 1e-3, 30e-3])
def test_the_gpus_time_is_measured_and_not_the_hosts(gpu: Gpu, takes_s: float):
    timer = ReplayTimer()
    assert timer.time_ms(gpu.kernel(takes_s)) == pytest.approx(takes_s * 1e3)
    assert (timer.timed, timer.refused) == (1, 0)


def test_long_kernels_are_not_repeated_often(gpu: Gpu):
    def captured(takes_s: float) -> int:
        calls, kernel = [], gpu.kernel(takes_s)
        ReplayTimer().time_ms(lambda: (calls.append(gpu.capturing is not None), kernel()))
        assert calls.count(False) == 4
        return calls.count(True)

    assert captured(5e-3) == 0
    assert gpu.free_at_s < 5 * 5e-3
    assert captured(0.5e-3) == 1
    assert 5 <= captured(2e-6) <= MAX_REPETITIONS


def test_graphs_share_memory(gpu: Gpu):
    timer = ReplayTimer()
    for _ in range(3):
        timer.time_ms(gpu.kernel(1e-5))
    assert gpu.pools == [None, "shared", "shared"]


def test_what_cannot_be_captured_is_not_timed(gpu: Gpu):
    timer = ReplayTimer()
    kernel = gpu.kernel(1e-5)
    assert timer.time_ms(lambda: (kernel(), gpu.synchronize())) is None
    assert timer.time_ms(kernel) == pytest.approx(1e-2)
    assert (timer.timed, timer.refused) == (1, 1)
    timer.time_ms(lambda: (kernel(), gpu.synchronize()))
    timer.time_ms(kernel)
    assert gpu.pools == [None, None, "shared", None]


def test_errors_of_the_candidate_are_its_own(gpu: Gpu):
    def fails() -> None:
        raise RuntimeError("out of resource: shared memory")

    with pytest.raises(RuntimeError, match="shared memory"):
        ReplayTimer().time_ms(fails)


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happened: turns, and candidates that Inductor's own benchmarker timed."""
    order: list[str] = []
    monkeypatch.setattr(benchmarking, "benchmarker", Benchmarker(order))
    return order


@pytest.mark.parametrize("has_setting", [True, False])
def test_kernels_are_timed_in_turns(order: list[str], monkeypatch: pytest.MonkeyPatch, has_setting: bool):
    """Also where Inductor has no setting for it, as in torch 2.11."""
    if not has_setting:
        monkeypatch.delattr(benchmarking, "set_gpu_benchmark_lock_context", raising=False)
    with kernels_timed(turns(order), None):
        assert benchmarking.benchmarker.benchmark(lambda: None) == 0.5
    assert benchmarking.benchmarker.benchmark(lambda: None) == 0.5
    assert order == ["begin", "by itself", "end", "by itself"]


@pytest.mark.skipif(not hasattr(benchmarking, "maybe_gpu_benchmark_lock"), reason="this torch has no such setting")
def test_whatever_else_inductor_times_is_timed_in_turns(order: list[str]):
    with kernels_timed(turns(order), None), benchmarking.maybe_gpu_benchmark_lock():
        order.append("kernel")
    with benchmarking.maybe_gpu_benchmark_lock():
        order.append("kernel")
    assert order == ["begin", "kernel", "end", "kernel"]


def test_a_timer_takes_the_place_of_inductors_own(gpu: Gpu, order: list[str]):
    kernel = gpu.kernel(1e-5)

    def candidate() -> None:
        assert gpu.streams == ["own"]
        kernel()

    with kernels_timed(turns(order), ReplayTimer()):
        assert benchmarking.benchmarker.benchmark(candidate) == pytest.approx(1e-2)
        assert order == ["begin", "end"]
        assert benchmarking.benchmarker.benchmark(lambda: (candidate(), gpu.synchronize())) == 0.5
        assert benchmarking.benchmarker.benchmark(candidate, return_mode="all") == 0.5
    assert order == ["begin", "end", *["begin", "by itself", "end"] * 2]
    assert gpu.streams == []
