"""How Inductor times the kernels that it chooses among: in turns with other builds, and as they will be run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

LONG_MS = 1.0
"""A candidate that takes longer is timed as it is launched: what that takes does not count."""
REPLAYED_MS = 0.2
"""About how long a graph of repetitions of one candidate takes."""
MAX_REPETITIONS = 20
MAX_REPLAYS = 20
REPLAYS_MS = 10.0
"""About how long the replays of one candidate take."""
DELAY_CYCLES = 100_000
"""Of the GPU's clock, 50 us at 2 GHz: longer than the host takes to enqueue a replay."""


class ReplayTimer:
    """Times candidates as a CUDA graph replays them.

    Inductor launches each candidate by itself between two events. Where the kernel takes 3 us and the host 20 us to
    launch it, that times the host, as busy as compilers keep it: tuned networks of batch 1 came out up to 20 % slower
    from one build than from another, and slower than untuned ones (H200, torch 2.11). In a graph the repetitions of a
    candidate follow one another as the kernels of the whole network's graph will, their data in the GPU's caches.

    torch 2.14 has `autotune_cudagraph_benchmarking` for the same end; it replays single launches, which to start takes
    about as long as they do.
    """

    def __init__(self) -> None:
        self.timed = 0
        """Candidates timed so, with those so long that it makes no difference."""
        self.refused = 0
        """Candidates that could not be captured."""
        self._graph: torch.cuda.CUDAGraph | None = None
        self._broken: list[torch.cuda.CUDAGraph] = []

    def time_ms(self, candidate: Callable[[], Any]) -> float | None:
        """Shortest time of one run, in ms; None where the candidate cannot be captured.

        PyTorch's current stream must not be the default one, and what the candidate launches must go there. Raises what
        the candidate raises when it is simply called.
        """
        import torch

        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

        def between(work: Callable[[], Any]) -> float:
            torch.cuda._sleep(DELAY_CYCLES)
            begin.record()
            work()
            end.record()
            end.synchronize()
            return float(begin.elapsed_time(end))

        candidate()
        torch.cuda.synchronize()
        once_ms = max(min(between(candidate) for _ in range(3)), 1e-3)
        if once_ms > LONG_MS:
            self.timed += 1
            return once_ms
        repetitions = max(1, min(MAX_REPETITIONS, round(REPLAYED_MS / once_ms)))
        graph = self._captured(candidate, repetitions)
        if graph is None:
            self.refused += 1
            return None
        replays = min(MAX_REPLAYS, int(REPLAYS_MS / (once_ms * repetitions)))
        graph.replay()
        shortest_ms = min(between(graph.replay) for _ in range(replays))
        self.timed += 1
        return shortest_ms / repetitions

    def _captured(self, candidate: Callable[[], Any], repetitions: int) -> torch.cuda.CUDAGraph | None:
        """Not with `torch.cuda.graph`, which collects garbage and empties PyTorch's cache of memory each time."""
        import torch

        graph = torch.cuda.CUDAGraph()
        # memory that the candidates before have given back; a pool of its own for each of hundreds would keep it
        pool = self._graph.pool() if self._graph else None
        try:
            graph.capture_begin(*([pool] if pool else []), capture_error_mode="thread_local")
            try:
                for _ in range(repetitions):
                    candidate()
            finally:
                graph.capture_end()
        except torch.cuda.OutOfMemoryError:
            raise
        except RuntimeError:
            # PyTorch goes on asking a graph whose capture was broken off, and its pool takes no other (CUDAGraph.cpp)
            self._broken.append(graph)
            self._graph = None
            torch.cuda.synchronize()
            return None
        self._graph = graph
        return graph


@contextmanager
def benchmarks(alone: Callable[[], AbstractContextManager[None]], timer: ReplayTimer | None) -> Iterator[None]:
    """Within the block, have Inductor time kernels on a GPU within the context that `alone` gives, and with `timer`.

    Without a timer, and where it cannot time a candidate, Inductor does it by its own means.
    """
    from torch._inductor.runtime import benchmarking

    register = getattr(benchmarking, "set_gpu_benchmark_lock_context", None)  # torch 2.11 has no such setting
    before = register and register(alone)
    benchmarker = benchmarking.benchmarker
    by_itself = benchmarker.benchmark_gpu

    def benchmark_gpu(_callable: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
        with alone():
            # anything but the shortest time, and gradients, are not asked for where networks are compiled ahead of time
            if timer and kwargs.get("return_mode", "min") == "min" and kwargs.get("grad_to_none") is None:
                shortest_ms = timer.time_ms(_callable)
                if shortest_ms is not None:
                    return shortest_ms
            return by_itself(_callable, *args, **kwargs)

    benchmarker.benchmark_gpu = benchmark_gpu
    try:
        with _own_stream() if timer else nullcontext():
            yield
    finally:
        del benchmarker.benchmark_gpu
        if register:
            register(before)


@contextmanager
def _own_stream() -> Iterator[None]:
    """Candidates are launched on the stream that is current when they are prepared; the default cannot be captured."""
    import torch

    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        yield
    torch.cuda.synchronize()
