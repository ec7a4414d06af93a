"""Calling a model on numpy inputs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bakeoff.core.errors import ModelError
from bakeoff.core.quoting import cause

if TYPE_CHECKING:
    import numpy as np
    import torch


def forward(module: torch.nn.Module, label: str, inputs: Mapping[str, np.ndarray], device: str = "cpu") -> Any:
    """The model's output for a batch of inputs. Raises ModelError that quotes the model and names the inputs' key."""
    import torch

    # copied, since a model may write into what it is given
    tensors = [torch.tensor(array, device=device) for array in inputs.values()]
    try:
        with torch.inference_mode():
            return module(*tensors)
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as error:
        # a model that computes gradients inside forward() can do so under no_grad alone
        with suppress(Exception), torch.no_grad():
            return module(*(torch.tensor(array, device=device) for array in inputs.values()))
        given = ", ".join(f"{name} {array.dtype}{list(array.shape)}" for name, array in inputs.items())
        raise ModelError(
            f"models.{label}.inputs: the model's forward refuses {given} (batch first): {cause(error)}; "
            f"give each input of forward, in its order, with the shape (without batch) and dtype that it takes"
        ) from error
