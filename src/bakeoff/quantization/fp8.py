"""Why fp8 cannot run in a cell of the matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bakeoff.backends.base import Cell

OLDEST = (8, 9)
"""Compute capability of Ada, the first NVIDIA architecture with fp8 matrix products."""

NEEDS = "fp8 needs an NVIDIA GPU of compute capability 8.9 or later with TensorRT or Torch-TensorRT"


def no_fp8_hardware(cell: Cell) -> str | None:
    """Why the cell's device has no fp8; None where it has."""
    gpu = cell.machine.gpu(cell.device)
    if gpu is None:
        return f"{NEEDS}; this cell is for the CPU" if cell.device == "cpu" else NEEDS
    if gpu.compute_capability < OLDEST:
        return f"{NEEDS}; {gpu.name} has {'.'.join(map(str, gpu.compute_capability))}"
    return None
