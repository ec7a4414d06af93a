"""The ResNet-34 of studies/resnet34-blog.yaml: its author's own, not torchvision's.

Convolutions have a bias, normalization comes after the ReLU, and a block that halves the image has a shortcut of a
3 x 3 convolution and a ReLU without normalization.
"""

import torch
from torch import nn
from torch.nn.functional import relu


class Block(nn.Module):
    """`y = norm1(relu(conv1(x))); y = norm2(relu(conv2(y)))`, and a ReLU of the sum with the shortcut."""

    def __init__(self, inside: int, outside: int, halves: bool) -> None:
        super().__init__()
        stride = 2 if halves else 1
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, padding=1)
        self.norm1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(outside)
        self.down = (
            nn.Sequential(nn.Conv2d(inside, outside, 3, stride, padding=1), nn.ReLU()) if halves else nn.Identity()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm1(relu(self.conv1(x)))
        y = self.norm2(relu(self.conv2(y)))
        return relu(y + self.down(x))


def resnet34(classes: int = 1000) -> nn.Module:
    """Images [batch, 3, 224, 224] to scores: stages of 3, 4, 6 and 3 blocks, pooled to 3 x 3."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, padding=3),
        nn.ReLU(),
        nn.BatchNorm2d(64),
        nn.MaxPool2d(3, 2, padding=1),
    ]
    inside = 64
    for stage, (outside, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
        for block in range(blocks):
            layers.append(Block(inside, outside, halves=stage > 0 and block == 0))
            inside = outside
    return nn.Sequential(*layers, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(512 * 9, classes))
