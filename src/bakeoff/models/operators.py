"""What those share that watch the operators of a running model (`bakeoff.core.torch_private.dispatch_mode`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def tensors_in(values: Any) -> Iterator[torch.Tensor]:
    """Every tensor in whatever an operator takes or gives."""
    import torch

    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, list | tuple | Mapping):
        for value in values.values() if isinstance(values, Mapping) else values:
            yield from tensors_in(value)


def writes_in_place(function: Any) -> bool:
    """Whether an operator writes into its first argument: `aten::add_.Tensor`."""
    return bool(function.name().partition(".")[0].endswith("_"))
