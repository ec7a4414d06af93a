"""A stand-in for Inductor's benchmarker, and turns at timing kernels that note when they begin and end."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


class Benchmarker:
    """Inductor's, which launches a kernel by itself."""

    def __init__(self, order: list[str]) -> None:
        self.order = order

    def benchmark(self, candidate: Callable[[], Any], **options: Any) -> Any:
        return self.benchmark_gpu(candidate, warmup=25, rep=100, **options)

    def benchmark_gpu(self, _callable: Callable[[], Any], **_: Any) -> Any:
        self.order.append("by itself")
        return 0.5


def turns(order: list[str]) -> Callable[[], AbstractContextManager[None]]:
    """As `EngineSpec.kernel_timing_turn`."""

    @contextmanager
    def turn() -> Iterator[None]:
        order.append("begin")
        yield
        order.append("end")

    return turn
