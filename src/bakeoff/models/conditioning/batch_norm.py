"""Statistics of BatchNorm layers, as training would have left them, from a few batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakeoff.models.conditioning.few_bits import SCALE_BITS, SUM_BITS, to_bits
from bakeoff.models.conditioning.layers import in_training, is_batch_norm
from bakeoff.models.forward import forward

if TYPE_CHECKING:
    import numpy as np
    import torch


def estimate_batch_norm(module: torch.nn.Module, label: str, batches: list[dict[str, np.ndarray]]) -> int:
    """Cumulative averages over the batches, with BatchNorm layers alone in training mode; returns their number.

    Each variance is then set to the nearest power of four and what is left goes into the layer's weight, where it has
    one: the factor that engines fold into other weights has few significant bits then.
    """
    import torch

    norms = [layer for layer in module.modules() if is_batch_norm(layer)]
    if not norms:
        return 0
    for norm in norms:
        norm.reset_running_stats()
    with in_training(norms, momentum=None):
        for batch in batches:
            forward(module, label, batch)
    with torch.no_grad():
        for norm in norms:
            norm.running_mean.copy_(to_bits(norm.running_mean, SUM_BITS))
            if norm.weight is None:
                continue
            variance = norm.running_var + norm.eps
            rounded = torch.pow(4.0, (torch.log2(variance) / 2).round())
            norm.weight.copy_(to_bits(norm.weight * (rounded / variance).sqrt(), SCALE_BITS))
            norm.running_var.copy_(rounded)
    return len(norms)
