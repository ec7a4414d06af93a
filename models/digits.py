"""A small residual network that reads handwritten digits; its weights lie beside it, in digits.safetensors.

    python models/digits.py

trains it again on scikit-learn's digits, in less than a minute, and writes that file. Every fourth digit is held out:
those are what `data: {shipped: digits}` judges engines on.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

WEIGHTS = Path(__file__).with_suffix(".safetensors")
SIDE = 32
EPOCHS = 14


class Block(nn.Module):
    """Two convolutions and a shortcut; `stride` 2 halves the image's sides."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outside)
        self.second = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outside)
        self.shortcut = nn.Conv2d(inside, outside, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm1(self.first(x)))
        return torch.relu(self.norm2(self.second(y)) + self.shortcut(x))


class DigitsNet(nn.Module):
    """Grey images [batch, 1, 32, 32] to scores of the ten digits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.body = nn.Sequential(Block(16, 16, 2), Block(16, 32, 2), Block(32, 64, 2))
        self.head = nn.Linear(64, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.stem(image)).mean((2, 3)))


def train() -> DigitsNet:
    """The trained network in eval mode. Seeded: the same on one machine and version of PyTorch."""
    from bakeoff.models.data.images import to_input, transform
    from bakeoff.models.data.settings import Preprocessing
    from bakeoff.models.data.shipped import digits

    images, labels = digits(held_out=False, key="models/digits.py")
    how = transform((1, SIDE, SIDE), Preprocessing(mean=[0.5], std=[0.5]), None, "models/digits.py")
    x, y = torch.stack([torch.from_numpy(to_input(image, how)) for image in images]), torch.tensor(labels)
    torch.manual_seed(0)
    net = DigitsNet()
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.05)
    steps = EPOCHS * -(-len(x) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(_moved(x[rows])), y[rows], label_smoothing=0.05).backward()
            optimizer.step()
            schedule.step()
    return net.eval()


def _moved(images: torch.Tensor) -> torch.Tensor:
    """The images moved by up to three pixels, each by its own."""
    padded = nn.functional.pad(images, (3, 3, 3, 3), mode="replicate")
    moves = torch.randint(0, 7, (len(images), 2)).tolist()
    return torch.stack(
        [one[:, top : top + SIDE, left : left + SIDE] for one, (top, left) in zip(padded, moves, strict=True)]
    )


if __name__ == "__main__":
    from safetensors.torch import save_file

    save_file(train().state_dict(), WEIGHTS)
    print(f"wrote {WEIGHTS}, {WEIGHTS.stat().st_size:,} bytes")
