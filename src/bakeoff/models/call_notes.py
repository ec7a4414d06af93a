"""What a call of a model does beside answering, which whoever reads its figures should know."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from bakeoff.core.quoting import short
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
    printed = io.StringIO()
    try:
        with torch.inference_mode(), redirect_stdout(printed):
            output = module(*tensors)
    except Exception:
        notes.append("it computes gradients inside forward(), so it is called under no_grad, not inference_mode")
        tensors = copies()
        with torch.no_grad(), redirect_stdout(printed):
            output = module(*tensors)
    if printed.getvalue():
        line = short(printed.getvalue().strip().splitlines()[0] if printed.getvalue().strip() else "")
        notes.append(f"it prints in forward() ({line}), which takes time in eager and is in no exported engine")
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
