"""How Inductor times the kernels that it chooses among: in turns with other builds, and as they will be run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from bakeoff.backends.inductor.private import gpu_benchmark
from bakeoff.core.torch_private import delay_gpu

if TYPE_CHECKING:
    import torch

LONG_MS = 1.0
"""A candidate that takes longer is timed as it is launched: the time of launching it hardly counts beside that."""
REPLAYED_MS = 0.2
"""About how long a graph of repetitions of one candidate takes."""
MAX_REPETITIONS = 20
MAX_REPLAYS = 20
REPLAYS_MS = 10.0
"""About how long the replays of one candidate take."""
DELAY_CYCLES = 100_000
"""Cycles of the GPU's clock for which it is kept busy before each timing: 50 us at 2 GHz, which is longer than the host
takes to enqueue a replay."""


class ReplayTimer:
    """Times candidates as a CUDA graph replays them.

    Inductor launches each candidate by itself between two events. Where the kernel takes 3 us and the host 20 us to
    launch it, that times the host, as busy as compilers keep it: tuned networks of batch 1 came out up to 20 % slower
    from one build than from another, and slower than untuned ones (H200, torch 2.11). In a graph the repetitions of a
    candidate follow one another as the kernels of the whole network's graph will, their data in the GPU's caches.

    torch 2.14 has `autotune_cudagraph_benchmarking` for the same end. It replays a graph of a single launch, and to
    start such a graph takes about as long as the kernel does.
    """

    def __init__(self) -> None:
        self.timed = 0
        """Candidates that were timed, those among them that take so long that a graph makes no difference."""
        self.refused = 0
        """Candidates that could not be captured."""
        self._graph: torch.cuda.CUDAGraph | None = None
        self._broken: list[torch.cuda.CUDAGraph] = []

    def time_ms(self, candidate: Callable[[], Any]) -> float | None:
        """Shortest time of one run, in ms; None where the candidate cannot be captured.

        PyTorch's current stream must not be the default one, and the candidate must launch its kernels there. Raises
        what the candidate raises when it is simply called.
        """
        import torch

        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

        def between(work: Callable[[], Any]) -> float:
            delay_gpu(DELAY_CYCLES)
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
        """A graph of that many runs of the candidate; None where it cannot be captured.

        Captured without the context `torch.cuda.graph`, which collects garbage and empties PyTorch's cache of memory
        each time.
        """
        import torch

        graph = torch.cuda.CUDAGraph()
        # The graphs share one pool, whose memory earlier candidates have given back. Hundreds of candidates with a pool
        # each would keep the memory of them all.
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
            # PyTorch goes on using a graph whose capture was broken off, so it is kept alive; and no other graph can be
            # captured into its pool, so the next one gets a new pool (CUDAGraph.cpp).
            self._broken.append(graph)
            self._graph = None
            torch.cuda.synchronize()
            return None
        self._graph = graph
        return graph


@contextmanager
def kernels_timed(turn: Callable[[], AbstractContextManager[None]], timer: ReplayTimer | None) -> Iterator[None]:
    """Within the block, have Inductor time kernels on a GPU within the context that `turn` gives, and with `timer`.

    Without a timer, and where the timer cannot time a candidate, Inductor does it by its own means.
    """

    def in_turns(by_itself: Callable[..., Any]) -> Callable[..., Any]:
        def benchmark_gpu(_callable: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
            with turn():
                # Inductor can also ask for other figures than the shortest time, and for gradients to be reset in
                # between. It does neither where it compiles a network ahead of time, so the timer knows neither.
                if timer and kwargs.get("return_mode", "min") == "min" and kwargs.get("grad_to_none") is None:
                    shortest_ms = timer.time_ms(_callable)
                    if shortest_ms is not None:
                        return shortest_ms
                return by_itself(_callable, *args, **kwargs)

        return benchmark_gpu

    with gpu_benchmark(in_turns, turn), _own_stream() if timer else nullcontext():
        yield


@contextmanager
def _own_stream() -> Iterator[None]:
    """Within the block, another stream than the default one, which cannot be captured, is PyTorch's current stream.

    Candidates launch their kernels on the stream that is current when Inductor prepares them.
    """
    import torch

    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        yield
    torch.cuda.synchronize()
