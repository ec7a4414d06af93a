"""Smooth kernels: neighbouring elements of a convolution's kernel are alike, as in trained networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakeoff.models.conditioning.layers import is_convolution, owns_its_weight

if TYPE_CHECKING:
    import torch


def smooth_kernels(module: torch.nn.Module) -> int:
    """Shift each kernel by its tensor's standard deviation, away from zero; returns the number of convolutions.

    The elements of a random kernel add up to about as much as noise does: it passes the difference of two pixels, which
    is mostly rounding, as well as their mean, which is mostly the image. A shifted one passes the mean 2 to 3 times as
    well (3 x 3). The norm of each weight stays as it was.
    """
    import torch

    done = 0
    for layer in module.modules():
        if not is_convolution(layer) or not owns_its_weight(module, layer) or layer.weight[0, 0].numel() == 1:
            continue
        with torch.no_grad():
            weight = layer.weight
            norm = weight.norm()
            mean = weight.mean(dim=tuple(range(2, weight.ndim)), keepdim=True)
            weight.add_(torch.where(mean < 0, -1.0, 1.0) * weight.std())
            weight.mul_(norm / weight.norm().clamp_min(torch.finfo(weight.dtype).tiny))
        done += 1
    return done
