"""What the steps of conditioning ask about layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any


def is_convolution(layer: Any) -> bool:
    """Whether it is a convolution in 1 to 3 dimensions, not a transposed one."""
    from torch import nn

    return isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d)


def is_batch_norm(layer: Any) -> bool:
    """Whether it is a BatchNorm layer that keeps statistics."""
    from torch import nn

    kinds = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm
    return isinstance(layer, kinds) and layer.running_mean is not None


def owns_its_weight(module: Any, layer: Any) -> bool:
    """Whether its weight can be changed: not shared with another (tied embeddings), not computed (weight norm)."""
    weight = dict(layer.named_parameters(recurse=False)).get("weight")
    if weight is None or not weight.is_floating_point():
        return False
    every = module.named_parameters(remove_duplicate=False)
    return sum(parameter is weight for _, parameter in every) == 1


@contextmanager
def hooked(layers: Iterable[Any], hook: Callable[..., Any]) -> Iterator[None]:
    """Call `hook(layer, inputs, output)` after each call of one of the layers; what it returns replaces the output."""
    handles = [layer.register_forward_hook(hook) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def in_training(norms: Iterable[Any], momentum: float | None) -> Iterator[None]:
    """Have BatchNorm layers use each batch's own statistics, and keep them with this momentum (None: averaged)."""
    before = [(norm, norm.momentum) for norm in norms]
    try:
        for norm, _ in before:
            norm.momentum = momentum
            norm.train()
        yield
    finally:
        for norm, own in before:
            norm.momentum = own
            norm.eval()
