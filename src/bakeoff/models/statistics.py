"""Normalization statistics and a spread-out head for models with random weights.

As the libraries initialise them, in eval mode, many networks say next to nothing: torchvision's vit_b_16 returns
exactly 0 (zero head), mobilenet_v2 values of 1e-10, efficientnet_b0 outputs that differ by 1e-6 over inputs. Any engine
would agree with such a reference. Estimating BatchNorm statistics on a few batches (as training would have) and
standardising the outputs of the last layer per class, over inputs, gives outputs of unit spread that differ over inputs
and over classes (the idea of data-dependent initialisation: Krähenbühl et al., arXiv:1511.06856).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bakeoff.models.forward import forward
from bakeoff.models.inputs import STATISTICS, seeded_inputs
from bakeoff.models.outputs import flatten
from bakeoff.models.spec import ModelBase

if TYPE_CHECKING:
    import numpy as np
    import torch

BATCHES = 2
BATCH_SIZE = 8
"""16 inputs: enough for a per-class mean and standard deviation, cheap enough for a CPU."""
_CONSTANT = 1e-7
"""A class whose standard deviation is below this fraction of the outputs' root mean square does not vary over inputs;
it is below fp32's rounding, so scaling it up would only show rounding noise."""


def set_statistics(module: torch.nn.Module, label: str, model: ModelBase) -> str:
    """Set a randomly initialised module's statistics in place; says in words what was done.

    Deterministic in the model's seed. What it does not find (no BatchNorm, no head whose outputs are the model's) it
    leaves alone: the reference's spread decides whether the model can be judged. Raises ModelError where the model
    refuses its inputs.
    """
    from bakeoff.models.seeding import seeded

    inputs = seeded_inputs(model.inputs, BATCHES * BATCH_SIZE, model.seed, STATISTICS)
    batches = [
        {name: array[start : start + BATCH_SIZE] for name, array in inputs.items()}
        for start in range(0, BATCHES * BATCH_SIZE, BATCH_SIZE)
    ]
    with seeded(model.seed):
        norms = _estimate_batch_norm(module, label, batches)
        heads = _standardise_heads(module, label, batches)
    done = []
    if norms:
        done.append(f"statistics of {norms} BatchNorm layers estimated on {BATCHES} seeded batches of {BATCH_SIZE}")
    if heads:
        done.append(f"outputs of {', '.join(heads)} standardised per class over those inputs")
    return "; ".join(done) or "left as initialised: no BatchNorm layer and no final linear or convolution layer found"


def _estimate_batch_norm(module: torch.nn.Module, label: str, batches: list[dict[str, np.ndarray]]) -> int:
    """Cumulative averages over the batches, with BatchNorm layers alone in training mode; returns their number."""
    import torch

    nn = torch.nn
    kinds = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm
    norms = [part for part in module.modules() if isinstance(part, kinds) and part.running_mean is not None]
    if not norms:
        return 0
    momenta = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.train()
        for batch in batches:
            forward(module, label, batch)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()
    return len(norms)


def _standardise_heads(module: torch.nn.Module, label: str, batches: list[dict[str, np.ndarray]]) -> list[str]:
    """Give each head's outputs zero mean and unit variance per class over the batches; returns the heads' names."""
    done = []
    few = {name: array[:2] for name, array in batches[0].items()}
    for name, head in _heads(module, label, few).items():
        if _standardise(module, label, head, batches):
            done.append(name or type(head).__name__)
    return done


def _heads(module: torch.nn.Module, label: str, batch: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Linear and convolution layers whose output is an output of the model; else the one that was called last."""
    import torch

    calls: list[tuple[str, Any, torch.Tensor]] = []
    handles = []
    nn = torch.nn
    convolutions = nn.Conv1d | nn.Conv2d | nn.Conv3d
    transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
    for name, part in module.named_modules():
        if isinstance(part, nn.Linear | convolutions | transposed):
            handles.append(
                part.register_forward_hook(
                    lambda layer, _, output, name=name: calls.append((name, layer, output.detach().clone()))
                )
            )
    try:
        result = forward(module, label, batch)
    finally:
        for handle in handles:
            handle.remove()
    found = {}
    for _, tensor in flatten(result):
        for name, layer, output in reversed(calls):
            # a head may be followed by a reshape or a permutation of axes of size 1, which keep the order of values
            if output.numel() == tensor.numel() and torch.equal(output.flatten(), tensor.flatten()):
                found[name] = layer
                break
    if not found and calls:
        found[calls[-1][0]] = calls[-1][1]
    return {name: layer for name, layer in found.items() if _adjustable(module, layer)}


def _adjustable(module: torch.nn.Module, layer: Any) -> bool:
    """Whether the layer owns its weight: not shared with another (tied embeddings), not computed (weight norm)."""
    weight = dict(layer.named_parameters(recurse=False)).get("weight")
    if weight is None or not weight.is_floating_point():
        return False
    every = module.named_parameters(remove_duplicate=False)
    return sum(parameter is weight for _, parameter in every) == 1


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

    handle = head.register_forward_hook(add)
    try:
        for batch in batches:
            forward(module, label, batch)
    finally:
        handle.remove()
    mean = total / n
    std = (square / n - mean.square()).clamp_min(0).sqrt()
    return mean, std, inputs_total / n if linear else None
