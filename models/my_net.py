"""A model of your own: any function or class that returns a torch.nn.Module will do.

In the config:

    models:
      my_net:
        source: file
        factory: models/my_net.py:build
        args: {width: 32}
        inputs: {image: {shape: [3, 64, 64]}}
        weights: random          # or `factory`, or the path of a checkpoint (.safetensors, .pt)
"""

import torch
from torch import nn


def build(width: int = 32, classes: int = 10) -> nn.Module:
    """Three convolutions and a linear classifier for images [batch, 3, height, width]."""

    def block(inside: int, outside: int) -> list[nn.Module]:
        return [nn.Conv2d(inside, outside, 3, stride=2, padding=1), nn.BatchNorm2d(outside), nn.ReLU()]

    features = [*block(3, width), *block(width, 2 * width), *block(2 * width, 4 * width)]
    return nn.Sequential(*features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, classes))


if __name__ == "__main__":
    print(build()(torch.zeros(1, 3, 64, 64)).shape)
