"""What rounding alone does to a model's outputs: eager execution at a lower precision, simulated in fp32.

Each operator's results are rounded to the element type, as eager execution does, whose operators compute in fp32
inside. It gives the figures of the real thing (resnet50 with torchvision's random weights, in fp16: 17.9 dB, in eager
execution 17.6), and needs no processor with such instructions (without them resnet50 takes ten times as long in fp16).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bakeoff.core.torch_private import dispatch_mode
from bakeoff.models.forward import forward
from bakeoff.models.operators import tensors_in, writes_in_place
from bakeoff.models.outputs import flatten

if TYPE_CHECKING:
    import numpy as np
    import torch


def rounded_outputs(
    module: torch.nn.Module, label: str, inputs: Mapping[str, np.ndarray], dtype: torch.dtype, device: str = "cpu"
) -> list[np.ndarray]:
    """Flat outputs of the model if each operator's results were rounded to `dtype`, as float32 (integers as they are).

    Weights and floating inputs are rounded, too; the weights are as they were afterwards.
    Raises MissingPrivatePart where PyTorch has no part by which operators are watched.
    """
    import numpy as np
    import torch

    def rounded(array: np.ndarray) -> np.ndarray:
        if array.dtype != np.float32:
            return array
        result: np.ndarray = torch.from_numpy(array).to(dtype).float().numpy()
        return result

    with _rounded_weights(module, dtype), _rounding(dispatch_mode(), dtype):
        result = forward(module, label, {name: rounded(array) for name, array in inputs.items()}, device)
    return [tensor.detach().cpu().numpy() for _, tensor in flatten(result)]


@contextmanager
def _rounded_weights(module: torch.nn.Module, dtype: torch.dtype) -> Iterator[None]:
    import torch

    weights = [t for t in (*module.parameters(), *module.buffers()) if t.dtype == torch.float32]
    kept = [tensor.clone() for tensor in weights]
    try:
        with torch.no_grad():
            for tensor in weights:
                tensor.copy_(tensor.to(dtype))
        yield
    finally:
        with torch.no_grad():
            for tensor, before in zip(weights, kept, strict=True):
                tensor.copy_(before)


def _rounding(mode: type[Any], dtype: torch.dtype) -> Any:
    import torch

    class Rounding(mode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = function(*args, **(kwargs or {}))
            # What an operator gives back of what it was given is a view, rounded already, unless it was written to.
            # Both stay the tensors that they are: a model may hold on to one and write through the other.
            held = {tensor.untyped_storage().data_ptr() for tensor in tensors_in((args, kwargs))}
            if writes_in_place(function):
                for tensor in tensors_in(result):
                    if tensor.dtype == torch.float32:
                        tensor.copy_(tensor.to(dtype))
                return result
            return _each(
                result, lambda made: made if made.untyped_storage().data_ptr() in held else made.to(dtype).float()
            )

    return Rounding()


def _each(result: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """What an operator gave, with each of its float32 tensors changed."""
    import torch

    if isinstance(result, list | tuple):
        return type(result)(_each(part, change) for part in result)
    return change(result) if isinstance(result, torch.Tensor) and result.dtype == torch.float32 else result
