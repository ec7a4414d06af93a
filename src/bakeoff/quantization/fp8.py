"""Why a device cannot compute in fp8."""

from __future__ import annotations

from bakeoff.core.machine import Machine

OLDEST = (8, 9)
"""Compute capability of Ada, the first NVIDIA architecture with fp8 matrix products."""

NEEDS = "fp8 needs an NVIDIA GPU of compute capability 8.9 or later with TensorRT or Torch-TensorRT"


def no_fp8_hardware(machine: Machine, device: str) -> str | None:
    """Why the device (`cpu` or `cuda:<index>`) of a machine has no fp8, in words; None where it has."""
    gpu = machine.gpu(device)
    if gpu is None:
        return f"{NEEDS}; this request is for the CPU" if device == "cpu" else NEEDS
    if gpu.compute_capability < OLDEST:
        return f"{NEEDS}; {gpu.name} has {'.'.join(map(str, gpu.compute_capability))}"
    return None
