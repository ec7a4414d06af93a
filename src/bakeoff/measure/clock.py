"""The clocks that time one inference: the host's, and beside it the device's own on a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from bakeoff.backends.base import Session


class Inference(NamedTuple):
    """The time that one inference took."""

    latency_ns: int
    """Host clock, from the call until all work was done."""
    device_ms: float | None
    """Between the device's events around the same inference; None on a CPU."""
    dispatch_ns: int | None
    """Host clock, until the call returned; None on a CPU, where that is the latency."""


class CpuClock:
    """Times an inference by the host's monotonic clock."""

    has_device_time = False

    def __init__(self, now_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        self.now_ns = now_ns

    def time(self, session: Session) -> Inference:
        """Time one inference; nothing but the inference stands between the two readings."""
        now, run, synchronize = self.now_ns, session.run, session.synchronize
        start = now()
        run()
        synchronize()
        return Inference(now() - start, None, None)


class CudaClock:
    """Times an inference by the host's clock and by CUDA events around the same inference.

    Events are recorded on PyTorch's current stream of the device: a session on a GPU must enqueue its work there.
    On an idle stream the device's time includes gaps in which it waits for the host to enqueue. Recording the
    second event adds about 1 µs to the host's time; the first is recorded before it starts.
    """

    has_device_time = True

    def __init__(self, device: str, now_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        import torch

        self.now_ns = now_ns
        self._stream: Any = torch.cuda.current_stream(device)
        self._begin: Any = torch.cuda.Event(enable_timing=True)
        self._end: Any = torch.cuda.Event(enable_timing=True)

    def time(self, session: Session) -> Inference:
        """Time one inference."""
        now, run, synchronize = self.now_ns, session.run, session.synchronize
        begin, end, stream = self._begin, self._end, self._stream
        begin.record(stream)
        start = now()
        run()
        returned = now()
        end.record(stream)
        synchronize()
        done = now()
        end.synchronize()
        return Inference(done - start, begin.elapsed_time(end), returned - start)


Clock = CpuClock | CudaClock


def clock_for(device: str) -> Clock:
    """The clock of a device, `cpu` or `cuda:<index>`."""
    return CpuClock() if device == "cpu" else CudaClock(device)
