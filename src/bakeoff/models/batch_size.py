"""The batch size in which Bakeoff itself runs a model: to make its reference, and to condition it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bakeoff.core.errors import ModelError
from bakeoff.models.forward import forward
from bakeoff.models.outputs import flatten

if TYPE_CHECKING:
    import numpy as np
    import torch

USUAL = 8
"""Items that go through a model at once, where it takes them."""


def batch_size_taken(
    module: torch.nn.Module, label: str, inputs: Mapping[str, np.ndarray], only: int | None, device: str = "cpu"
) -> int:
    """8, or the study's own batch size where the model takes no other.

    Args:
        module: In eval mode, on `device`.
        label: Of the model, for errors.
        inputs: At least one item of each input, [n, ...]; repeated as needed.
        only: The study's batch size where it has one alone; None where it has several.
        device: Where the module lies.

    Raises ModelError where the model takes neither.
    """
    try:
        _try(module, label, inputs, USUAL, device)
        return USUAL
    except ModelError as error:
        if only is None and _takes(module, label, inputs, 1, device):
            raise ModelError(
                f"{error} (the batch of {USUAL} is Bakeoff's own choice, since the study has several batch sizes; "
                "a model for one size alone needs batch.sizes with that one)"
            ) from error
        if only in (None, USUAL):
            raise
    _try(module, label, inputs, only, device)
    return only


def _takes(module: torch.nn.Module, label: str, inputs: Mapping[str, np.ndarray], batch: int, device: str) -> bool:
    try:
        _try(module, label, inputs, batch, device)
    except ModelError:
        return False
    return True


def rows_of(batch: int, n: int) -> list[list[int]]:
    """The positions 0 to n - 1 in batches of exactly this size; the last one is filled from the start."""
    return [[i % n for i in range(start, start + batch)] for start in range(0, n, batch)]


def take(inputs: Mapping[str, np.ndarray], rows: list[int]) -> dict[str, np.ndarray]:
    """These items of each input, copied."""
    return {name: array[rows] for name, array in inputs.items()}


def _try(module: torch.nn.Module, label: str, inputs: Mapping[str, np.ndarray], batch: int, device: str) -> None:
    (rows,) = rows_of(batch, min(batch, len(next(iter(inputs.values())))))[:1]
    check_batch_first(label, forward(module, label, take(inputs, rows), device), batch)


def check_batch_first(label: str, output: Any, batch: int) -> None:
    """Raises ModelError where an output's first dimension is not the batch."""
    try:
        named = flatten(output)
    except ModelError as error:
        raise ModelError(f"models.{label}: {error}") from error
    for name, tensor in named:
        if tensor.ndim == 0 or tensor.shape[0] != batch:
            raise ModelError(
                f"models.{label}: output {name} has shape {list(tensor.shape)} for a batch of {batch} inputs; "
                "every output's first dimension must be the batch: wrap the model so that it leaves this one out"
            )
