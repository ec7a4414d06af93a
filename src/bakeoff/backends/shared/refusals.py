"""Why a device cannot compute in a precision, in the words that all backends use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakeoff.core.precision import Precision

if TYPE_CHECKING:
    from bakeoff.backends.base import Request
    from bakeoff.core.machine import Gpu

NO_TF32_ON_CPU = "TF32 exists on NVIDIA GPUs only"

AMPERE = (8, 0)
"""Compute capability of the first NVIDIA architecture that multiplies in TF32 and bf16."""


def no_such_gpu(request: Request) -> str | None:
    """Why the request's GPU cannot be used: there is none of that number. None where there is, and for a CPU."""
    if request.device == "cpu" or request.machine.gpu(request.device):
        return None
    return f"there is no GPU {request.device} on this machine"


def needs_ampere(precision: Precision, gpu: Gpu) -> str | None:
    """Why the GPU is too old for this precision; None where it is not."""
    if precision in ("tf32", "bf16") and gpu.compute_capability < AMPERE:
        capability = ".".join(map(str, gpu.compute_capability))
        return f"{precision} needs compute capability 8.0 or later, {gpu.name} has {capability}"
    return None
