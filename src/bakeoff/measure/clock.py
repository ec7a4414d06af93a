"""The clocks that time one inference: the host's, and on a GPU, in a pass of its own, the device's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from bakeoff.core.torch_private import HIGHEST_CLOCK_HZ, delay_gpu

if TYPE_CHECKING:
    from bakeoff.backends.base import Session


class Inference(NamedTuple):
    """The time that one inference took."""

    latency_ns: int
    """Host clock, from the call until all work was done."""
    dispatch_ns: int | None
    """Host clock, until the call returned; None on a CPU, where that is the latency."""


class CpuClock:
    """Times an inference by the host's monotonic clock."""

    def __init__(self, now_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        self.now_ns = now_ns

    def time(self, session: Session) -> Inference:
        """Time one inference; nothing but the inference stands between the two readings."""
        now, run, synchronize = self.now_ns, session.run, session.synchronize
        start = now()
        run()
        synchronize()
        return Inference(now() - start, None)


class CudaClock:
    """Times an inference by the host's clock, or by CUDA events.

    Events are recorded on PyTorch's current stream of the device: a session on a GPU must enqueue its work there.
    """

    def __init__(self, device: str, now_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        import torch

        self.now_ns = now_ns
        self._cuda: Any = torch.cuda
        self._stream: Any = torch.cuda.current_stream(device)
        self._begin: Any = torch.cuda.Event(enable_timing=True)
        self._end: Any = torch.cuda.Event(enable_timing=True)

    def time(self, session: Session) -> Inference:
        """Time one inference by the host's clock."""
        now, run, synchronize = self.now_ns, session.run, session.synchronize
        start = now()
        run()
        returned = now()
        synchronize()
        return Inference(now() - start, returned - start)

    def time_second(self, session: Session) -> tuple[float, bool]:
        """Time the second of two inferences by the device's events; see bakeoff.measure.device_time."""
        session.run()
        return self._time_enqueued(session)

    def time_behind(self, session: Session, delay_s: float) -> tuple[float, bool]:
        """Time one inference behind a delay by the device's events; see bakeoff.measure.device_time."""
        with self._cuda.stream(self._stream):
            delay_gpu(int(delay_s * HIGHEST_CLOCK_HZ))
        return self._time_enqueued(session)

    def _time_enqueued(self, session: Session) -> tuple[float, bool]:
        begin, end, stream = self._begin, self._end, self._stream
        begin.record(stream)
        session.run()
        end.record(stream)
        in_time = not begin.query()
        session.synchronize()
        end.synchronize()
        return begin.elapsed_time(end), in_time


Clock = CpuClock | CudaClock


def clock_for(device: str) -> Clock:
    """The clock of a device, `cpu` or `cuda:<index>`."""
    return CpuClock() if device == "cpu" else CudaClock(device)
