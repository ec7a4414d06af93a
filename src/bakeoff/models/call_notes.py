"""What a call of a model does beside answering, which whoever reads its figures should know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bakeoff.models.outputs import left_out

if TYPE_CHECKING:
    import numpy as np
    import torch


def notes_on_a_call(module: torch.nn.Module, inputs: Mapping[str, np.ndarray], device: str) -> list[str]:
    """Call the model once, which is known to take these inputs, and say what else it does.

    Args:
        module: In eval mode on `device`.
        inputs: One batch, each [n, ...].
        device: Where the module lies.
    """
    import torch

    def copies() -> list[torch.Tensor]:
        return [torch.tensor(array, device=device) for array in inputs.values()]

    notes = []
    tensors = copies()
    try:
        with torch.inference_mode():
            output = module(*tensors)
    except Exception:
        notes.append("it computes gradients inside forward(), so it is called under no_grad, not inference_mode")
        tensors = copies()
        with torch.no_grad():
            output = module(*tensors)
    changed = [name for name, was, now in zip(inputs, copies(), tensors, strict=True) if not torch.equal(was, now)]
    if changed:
        notes.append(
            f"it writes into its input {', '.join(changed)}: outputs are judged on fresh copies, but while it is timed "
            "inside PyTorch, each inference gets what the one before left"
        )
    numbers = left_out(output)
    if numbers:
        notes.append(f"outputs that are no tensors are not compared: {', '.join(numbers)}")
    return notes
