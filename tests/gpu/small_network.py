"""For backends that run inside PyTorch: exports of a small network, comparison with eager, whole profiles."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.backends.base import EngineSpec, InputInfo, Session

DEVICE = "cuda:0"
SHAPE = (3, 32, 32)
BATCH = 4


def spec_of(precision: str, alone: Callable[[], AbstractContextManager[None]] = nullcontext) -> EngineSpec:
    """An engine of fixed batch size; `alone` is entered while its build times kernels."""
    inputs = [InputInfo("image", SHAPE, "float32")]
    return EngineSpec(precision, DEVICE, 4, BATCH, BATCH, BATCH, inputs, alone=alone)  # type: ignore[arg-type]


def write_export(model: Any, format: str, precision: str, folder: Path) -> Path:
    """The model in a format of bakeoff.exports, with weights in a precision."""
    import torch

    dtype = {"fp32": torch.float32, "fp16": torch.float16}[precision]
    images = torch.zeros(BATCH, *SHAPE, dtype=dtype)
    model.to(dtype)
    with torch.no_grad():
        if format == "exported_program":
            torch.export.save(torch.export.export(model, (images,)), folder / "model.pt2")
        else:
            script = torch.jit.script(model) if format == "torchscript-script" else torch.jit.trace(model, (images,))
            torch.jit.save(script, str(folder / "model.ts"))
    model.float()
    return folder


def assert_close(session: Session, images: np.ndarray, expected: np.ndarray, relative_l2: float) -> None:
    """Run twice, since the first run captures a CUDA graph."""
    session.prepare([images])
    session.run()
    session.run()
    (output,) = session.outputs()
    assert np.linalg.norm(output - expected) <= relative_l2 * np.linalg.norm(expected)


def assert_profile_is_whole(session: Session, kernel: str) -> None:
    """Layer times add up to those of all kernels of a run; one kernel at least has `kernel` in its name or beside it.

    The session is prepared.
    """
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
