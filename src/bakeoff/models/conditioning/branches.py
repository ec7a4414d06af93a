"""Residual branches that end in a normalization, found by watching the model run, and scaled down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bakeoff.core.private_parts import MissingPrivatePart
from bakeoff.core.torch_private import dispatch_mode
from bakeoff.models.conditioning.layers import hooked, is_batch_norm
from bakeoff.models.forward import forward
from bakeoff.models.operators import tensors_in, writes_in_place

if TYPE_CHECKING:
    import numpy as np
    import torch

BRANCH_SCALE = 0.25
"""What a branch adds to what it started from, in standard deviations. At full strength each block adds its errors to
those of all before it; this much smaller they hardly count, while an engine that gets a block wrong is still off by
far more than any limit allows."""


def scale_branches(module: torch.nn.Module, label: str, batch: Mapping[str, np.ndarray]) -> int:
    """Scale down the BatchNorm layers whose output is added to something that it was computed from; returns how many.

    Without the private part of PyTorch by which operators are watched, none is found.
    """
    import torch

    try:
        watch = _watch(dispatch_mode())
    except MissingPrivatePart:
        return 0
    norms = [layer for layer in module.modules() if is_batch_norm(layer) and layer.weight is not None]
    if not norms:
        return 0
    with hooked(norms, watch.normalized), watch:
        forward(module, label, batch)
    for layer in watch.branches:
        torch.nn.init.constant_(layer.weight, BRANCH_SCALE)
    return len(watch.branches)


def _watch(mode: type[Any]) -> Any:
    """A context that follows each tensor back to the BatchNorm layers that it was computed from.

    Tensors are told apart by the address of their memory. All are kept until the end, so that no address is used again.
    """
    import torch

    adds = (torch.ops.aten.add.Tensor, torch.ops.aten.add_.Tensor)

    class Watch(mode):
        def __init__(self) -> None:
            super().__init__()
            self.branches: set[torch.nn.Module] = set()
            self._kept: list[torch.Tensor] = []
            self._output_of: dict[int, torch.nn.Module] = {}
            self._from: dict[int, frozenset[int]] = {}

        def normalized(self, layer: torch.nn.Module, _: Any, output: torch.Tensor) -> None:
            """A forward hook: this tensor is the output of this layer."""
            at = output.data_ptr()
            self._output_of[at] = layer
            self._from[at] = self._from.get(at, frozenset()) | {len(self._kept)}
            self._kept.append(output)

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given = [*tensors_in((args, kwargs))]
            if function in adds and len(given) == 2 and given[0].shape == given[1].shape:
                for branch, start in (given, given[::-1]):
                    layer = self._output_of.get(branch.data_ptr())
                    # a shortcut that has a normalization of its own was not computed from the branch, nor it from that
                    if layer is not None and self._before(start) <= self._before(branch):
                        self.branches.add(layer)
            result = function(*args, **(kwargs or {}))
            before: frozenset[int] = frozenset().union(*map(self._before, given))
            held = set() if writes_in_place(function) else {tensor.data_ptr() for tensor in given}
            for made in tensors_in(result):
                self._kept.append(made)
                self._from[made.data_ptr()] = before
                if made.data_ptr() not in held:  # a view of a normalization's output is still that output
                    self._output_of.pop(made.data_ptr(), None)
            return result

        def _before(self, tensor: torch.Tensor) -> frozenset[int]:
            return self._from.get(tensor.data_ptr(), frozenset())

    return Watch()
