"""Which devices can compute in fp8."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bakeoff.backends.base import Request

OLDEST = (8, 9)
"""Compute capability of Ada, the first NVIDIA architecture with fp8 matrix products."""

NEEDS = "fp8 needs an NVIDIA GPU of compute capability 8.9 or later with TensorRT or Torch-TensorRT"


def no_fp8_hardware(request: Request) -> str | None:
    """Why the request's device has no fp8; None where it has."""
    gpu = request.machine.gpu(request.device)
    if gpu is None:
        return f"{NEEDS}; this request is for the CPU" if request.device == "cpu" else NEEDS
    if gpu.compute_capability < OLDEST:
        return f"{NEEDS}; {gpu.name} has {'.'.join(map(str, gpu.compute_capability))}"
    return None
