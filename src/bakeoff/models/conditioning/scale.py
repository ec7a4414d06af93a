"""Layers whose outputs are large, scaled down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bakeoff.models.conditioning.layers import hooked, in_training, is_batch_norm, is_convolution, owns_its_weight
from bakeoff.models.forward import forward

if TYPE_CHECKING:
    import numpy as np
    import torch

LARGEST_STD = 0.25
"""Of a layer's outputs. The gates of squeeze and excitation multiply whole feature maps; driven by numbers of 5 and
more they are mostly open or shut, and an error in one changes all that follows. A normalization undoes the factor."""


def limit_outputs(module: torch.nn.Module, label: str, batch: Mapping[str, np.ndarray]) -> int:
    """Multiply weight and bias by a power of two where a layer's outputs vary by more; returns the number of layers.

    In one pass: what comes later sees what came earlier as it is now. BatchNorm layers use the statistics of the batch
    for it. Powers of two keep weights of few bits what they are.
    """
    import torch

    seen: set[Any] = set()
    limited: list[Any] = []

    def limit(layer: Any, _: Any, output: torch.Tensor) -> torch.Tensor | None:
        if layer in seen or output.is_nested:  # it is called a second time, scaled already; or knows no deviation
            return None
        seen.add(layer)
        std = float(output.float().std(unbiased=False))
        if not LARGEST_STD < std < math.inf:
            return None
        factor = 2.0 ** -math.ceil(math.log2(std / LARGEST_STD))
        with torch.no_grad():
            layer.weight.mul_(factor)
            if layer.bias is not None:
                layer.bias.mul_(factor)
        limited.append(layer)
        return output * factor

    layers = [
        layer
        for layer in module.modules()
        if (is_convolution(layer) or isinstance(layer, torch.nn.Linear)) and owns_its_weight(module, layer)
    ]
    norms = [layer for layer in module.modules() if is_batch_norm(layer)]
    # with a momentum of 0 the statistics that they keep are not touched
    with hooked(layers, limit), in_training(norms, momentum=0.0):
        forward(module, label, batch)
    return len(limited)
