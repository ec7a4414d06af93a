"""A small network that learns scikit-learn's digits in seconds: real weights, for what random ones cannot show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

MEAN, STD = 0.449, 0.226
"""What `bakeoff.quantization.images` normalises a grey image by: the means over channels of ImageNet's."""
TRAINING, HELD_OUT = np.arange(1797) % 4 != 0, np.arange(1797) % 4 == 0
"""Every fourth image is for testing alone."""


class DigitsNet(nn.Module):
    """Grey images [batch, 1, 8, 8] to scores of ten digits; with BatchNorm and a residual connection."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.block = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.down = nn.Sequential(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU())
        self.head = nn.Linear(2 * width, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = self.stem(image)
        return self.head(self.down(features + self.block(features)).mean((2, 3)))


def pixels() -> tuple[np.ndarray, np.ndarray]:
    """Images as uint8 [n, 8, 8], and their digits."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return np.round(digits.images * (255 / 16)).astype(np.uint8), digits.target


def normalised(images: np.ndarray) -> np.ndarray:
    """uint8 images [n, 8, 8] as the network's inputs [n, 1, 8, 8]."""
    return ((images[:, None].astype(np.float32) / 255 - MEAN) / STD).astype(np.float32)


def save_images(images: np.ndarray, folder: Path) -> Path:
    """Write uint8 images as PNG files."""
    from PIL import Image

    folder.mkdir(parents=True)
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i:04}.png")
    return folder


def train(epochs: int = 20) -> DigitsNet:
    """The trained network in eval mode; the same each time on one machine."""
    images, labels = pixels()
    x, y = torch.from_numpy(normalised(images[TRAINING])), torch.from_numpy(labels[TRAINING])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = DigitsNet().train()
        optimizer = torch.optim.Adam(net.parameters())
        steps = epochs * -(-len(x) // 128)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=steps)
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(128):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
                optimizer.step()
                schedule.step()
    return net.eval()
