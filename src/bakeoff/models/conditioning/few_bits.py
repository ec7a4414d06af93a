"""Parameters of few significant bits, which no floating precision in use has to round.

bf16 keeps 8 significant bits, fp16 11. A weight of 5 bits times a normalization's scale of 3 bits has 8, so it stays
exact where an engine folds the normalization into the weights, too. What is then left of an engine's error is rounding
between its layers, and its mistakes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakeoff.models.conditioning.layers import is_batch_norm

if TYPE_CHECKING:
    import torch

WEIGHT_BITS = 5
SCALE_BITS = 3
"""Of the weight of BatchNorm, which its users fold into other weights."""
SUM_BITS = 8
"""Of what is added and never multiplied into a weight: biases and means."""


def to_bits(values: torch.Tensor, bits: int) -> torch.Tensor:
    """The nearest floating-point numbers of so many significant bits, of the same element type."""
    import torch

    mantissa, exponent = torch.frexp(values)
    return torch.ldexp((mantissa * 2**bits).round() / 2**bits, exponent)


def round_parameters(module: torch.nn.Module) -> None:
    """Round all floating parameters in place."""
    import torch

    with torch.no_grad():
        for layer in module.modules():
            for name, parameter in layer.named_parameters(recurse=False):
                if not parameter.is_floating_point():
                    continue
                scales = is_batch_norm(layer) and name == "weight"
                bits = SCALE_BITS if scales else SUM_BITS if name == "bias" else WEIGHT_BITS
                parameter.copy_(to_bits(parameter, bits))
