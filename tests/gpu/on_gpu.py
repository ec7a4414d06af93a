"""Engines of the small network on the GPU, and whether a profile is whole."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from tests.unit.backends.workshop import Workshop

from bakeoff.backends.base import Backend, Built, EngineSpec, Session

DEVICE = "cuda:0"
MODEL = "convnet"
BATCH = 4


class OnGpu:
    """Builds and loads engines of one batch size and precision with a backend."""

    def __init__(
        self,
        workshop: Workshop,
        backend: Backend,
        precision: str,
        kernel_timing_turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`kernel_timing_turn` is entered while the build times kernels."""
        self.workshop = workshop
        self.backend = backend
        self.precision = precision
        on_cpu = workshop.spec(MODEL, precision, (BATCH, BATCH, BATCH))
        self.spec: EngineSpec = replace(on_cpu, device=DEVICE, threads=4, kernel_timing_turn=kernel_timing_turn)

    def build(self, out: Path) -> Built:
        """Build and inspect, as the build job does."""
        built = self.backend.build(self.workshop.source(self.backend, MODEL, self.precision), self.spec, out)
        self.backend.inspect(out, built, self.spec)
        print(built.notes)
        return built

    def load(self, folder: Path, built: Built) -> Session:
        """A session with the check inputs prepared."""
        session = self.backend.load(folder, built.files, self.spec, BATCH)
        session.prepare(self.workshop.batch(MODEL, BATCH))
        return session

    def assert_close(self, session: Session, close: dict[str, float]) -> None:
        """Compare with eager fp32; `close` has the largest relative L2 error by precision."""
        self.workshop.assert_close(session, MODEL, BATCH, self.precision, close)


def assert_profile_is_whole(session: Session, kernel: str) -> None:
    """Layer times add up to those of all kernels of a run, and one kernel at least has `kernel` in its name."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    for _ in range(3):
        session.run()
    session.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        session.run()
        session.synchronize()
    kernels = [event for event in profiler.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    layers = session.layers(20, 30.0).layers
    print([(layer.name, layer.type, layer.time_ms.median) for layer in layers])
    assert any(layer.type == "kernel" and kernel in layer.name for layer in layers)
    whole_ms = sum(kernel.time_range.end - kernel.time_range.start for kernel in kernels) / 1000
    assert abs(sum(layer.time_ms.median for layer in layers) / whole_ms - 1) < 0.2
