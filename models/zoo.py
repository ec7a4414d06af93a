"""Models of studies/zoo.yaml with the traits that networks of model libraries lack.

Each is small, and what it returns differs by output, so that outputs or inputs that change places are seen.
"""

import torch
from torch import nn


class TwoInputs(nn.Module):
    """An image [batch, 3, h, w] and measurements [batch, k] of the same thing, to class scores."""

    def __init__(self, measurements: int = 12, width: int = 32, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.embed = nn.Linear(measurements, width)
        self.head = nn.Linear(2 * width, classes)

    def forward(self, image: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
        seen = self.stem(image).mean((2, 3))
        return self.head(torch.cat((seen, torch.tanh(self.embed(measured))), 1))


class Tokens(nn.Module):
    """Integer tokens [batch, length] to class scores, through an embedding and a transformer layer."""

    def __init__(self, vocabulary: int = 1000, length: int = 32, width: int = 64, classes: int = 10) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.randn(length, width))
        self.layer = nn.TransformerEncoderLayer(width, nhead=4, dim_feedforward=2 * width, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(self.embedding(tokens) + self.position).mean(1))


class ScoresAndBox(nn.Module):
    """An image to a tuple: class scores [batch, classes], and a box [batch, 4]."""

    def __init__(self, width: int = 32, classes: int = 10) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
        )  # fmt: skip
        self.scores, self.box = nn.Linear(width, classes), nn.Linear(width, 4)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = self.body(image).mean((2, 3))
        return self.scores(seen), self.box(seen)


class Segmenter(nn.Module):
    """An image to a dict whose keys are not in alphabetical order: masks [batch, classes, h, w], then aux scores."""

    def __init__(self, width: int = 32, classes: int = 10) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.masks, self.aux = nn.Conv2d(width, classes, 1), nn.Linear(width, classes)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        seen = self.body(image)
        masks = nn.functional.interpolate(self.masks(seen), scale_factor=2.0, mode="bilinear", align_corners=False)
        return {"masks": masks, "aux": self.aux(seen.mean((2, 3)))}
