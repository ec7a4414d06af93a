"""A model that gives its input back: what the null backend computes, so that it passes every check of accuracy."""

import torch
from torch import nn


class Same(nn.Module):
    """[batch, ...] to the same."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def make() -> nn.Module:
    return Same()
