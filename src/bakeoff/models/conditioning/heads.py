"""The last layers of a model, standardised: unit spread over inputs, for each class.

The idea is that of data-dependent initialisation (Krähenbühl et al., arXiv:1511.06856).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bakeoff.models.conditioning.few_bits import SUM_BITS, to_bits
from bakeoff.models.conditioning.layers import hooked, is_convolution, owns_its_weight
from bakeoff.models.forward import forward
from bakeoff.models.outputs import flatten

if TYPE_CHECKING:
    import numpy as np
    import torch

_CONSTANT = 1e-7
"""A class whose standard deviation is below this fraction of the outputs' root mean square does not vary over inputs;
it is below fp32's rounding, so scaling it up would only show rounding noise."""


def standardise_heads(
    module: torch.nn.Module, label: str, few: Mapping[str, np.ndarray], batches: list[dict[str, np.ndarray]]
) -> list[str]:
    """Give each head's outputs zero mean and unit variance per class over the batches; returns the heads' names.

    The heads are found by running the model on `few` inputs.
    """
    done = []
    for name, head in _heads(module, label, few).items():
        if _standardise(module, label, head, batches):
            done.append(name or type(head).__name__)
    return done


def _heads(module: torch.nn.Module, label: str, batch: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Linear and convolution layers whose output is an output of the model; else the one that was called last."""
    import torch

    calls: list[tuple[str, Any, torch.Tensor]] = []
    nn = torch.nn
    transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
    names = {
        part: name for name, part in module.named_modules()
        if is_convolution(part) or isinstance(part, nn.Linear | transposed)
    }  # fmt: skip

    def called(layer: Any, _: Any, output: torch.Tensor) -> None:
        calls.append((names[layer], layer, output.detach().clone()))

    with hooked(names, called):
        result = forward(module, label, batch)
    found = {}
    for _, tensor in flatten(result):
        for name, layer, output in reversed(calls):
            # a head may be followed by a reshape or a permutation of axes of size 1, which keep the order of values
            if output.numel() == tensor.numel() and torch.equal(output.flatten(), tensor.flatten()):
                found[name] = layer
                break
    if not found and calls:
        found[calls[-1][0]] = calls[-1][1]
    return {name: layer for name, layer in found.items() if owns_its_weight(module, layer)}


def _standardise(module: torch.nn.Module, label: str, head: Any, batches: list[dict[str, np.ndarray]]) -> bool:
    import torch

    weight, bias = head.weight, head.bias
    with torch.no_grad():
        if not bool(weight.any()):
            # a zero head (vision transformers) says nothing, whatever scale it is given
            torch.nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
            if bias is not None:
                bias.zero_()
        mean, std, inputs_mean = _class_moments(module, label, head, batches)
        scale = float((mean.square() + std.square()).mean().sqrt())
        varies = std > _CONSTANT * scale
        if not bool(varies.any()):
            return False
        factor = torch.where(varies, 1 / std.clamp_min(torch.finfo(std.dtype).tiny), torch.ones_like(std))
        shift = torch.where(varies, mean, torch.zeros_like(mean))
        if bias is None and inputs_mean is not None:
            # no bias to take the mean out with: make every class's weights orthogonal to the mean input instead
            along = inputs_mean / inputs_mean.norm().clamp_min(1e-30)
            weight.copy_(weight.double() - (weight.double() @ along)[:, None] * along)
        # transposed convolutions keep output channels in the second axis (per group); leave those with groups alone
        axis = 1 if getattr(head, "transposed", False) else 0
        if weight.shape[axis] != factor.numel():
            return False
        view = [1] * weight.ndim
        view[axis] = -1
        weight.copy_(weight.double() * factor.view(view))
        if bias is not None:
            bias.copy_((bias.double() - shift) * factor)
        # the product of a head's weights with nothing: all bits that bf16 has
        for parameter in (weight, *(() if bias is None else (bias,))):
            parameter.copy_(to_bits(parameter, SUM_BITS))
    return True


def _class_moments(
    module: torch.nn.Module, label: str, head: Any, batches: list[dict[str, np.ndarray]]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Mean and standard deviation of each class of the head over inputs and positions; its mean input if linear."""
    import torch

    linear = isinstance(head, torch.nn.Linear)
    n = 0
    total = square = inputs_total = torch.zeros((), dtype=torch.float64)

    def add(_: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal n, total, square, inputs_total
        axis = -1 if linear else output.ndim - len(head.kernel_size) - 1
        values = output.detach().double().movedim(axis, -1).reshape(-1, output.shape[axis])
        n += len(values)
        total = total + values.sum(0)
        square = square + values.square().sum(0)
        if linear:
            inputs_total = inputs_total + inputs[0].detach().double().reshape(-1, inputs[0].shape[-1]).sum(0)

    with hooked([head], add):
        for batch in batches:
            forward(module, label, batch)
    mean = total / n
    std = (square / n - mean.square()).clamp_min(0).sqrt()
    return mean, std, inputs_total / n if linear else None
