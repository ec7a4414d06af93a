"""A TorchScript file that somebody gave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.core.errors import ModelError
from bakeoff.core.quoting import cause

if TYPE_CHECKING:
    import torch


def make(label: str, path: str | Path) -> torch.nn.Module:
    """Load the file onto the CPU, in eval mode. Raises ModelError where torch.jit.load refuses it."""
    import torch

    try:
        module = torch.jit.load(str(path), map_location="cpu")
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(
            f"models.{label}.path: torch.jit.load refuses {path}: {cause(error)}; "
            "give a file that torch.jit.save made (a state dict is loaded by source: file with weights)"
        ) from error
    return module.eval()
