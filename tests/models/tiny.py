"""User models that tests run: each takes milliseconds, and each has a trait that exporters and backends must bear."""

import torch
from torch import nn


class ConvNet(nn.Module):
    """Images [batch, 3, h, w] to class scores; with BatchNorm, whose statistics random weights lack."""

    def __init__(self, classes: int = 10, width: int = 8) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
        )
        self.head = nn.Linear(2 * width, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(image).mean((2, 3)))


class TwoInputs(nn.Module):
    """Two vectors of different length to scores; it matters which is which."""

    def __init__(self, left: int = 12, right: int = 8, classes: int = 10) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(left, 16), nn.Linear(right, 16)
        self.head = nn.Linear(16, classes)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.left(left)) - torch.tanh(self.right(right)))


class Tokens(nn.Module):
    """Integer tokens [batch, length] to class scores, through an embedding and self-attention."""

    def __init__(self, vocabulary: int = 100, width: int = 16, classes: int = 12) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embedding(tokens)
        x = self.norm(x + self.attention(x, x, x, need_weights=False)[0])
        return self.head(x.mean(1))


class Pair(nn.Module):
    """A vector to a tuple: class scores, and a box."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.scores, self.box = nn.Linear(12, 16), nn.Linear(16, 10), nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.relu(self.body(x))
        return self.scores(x), self.box(x)


class Named(nn.Module):
    """A vector to a dict whose keys are not in alphabetical order: scores, then box."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair()

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        scores, box = self.pair(x)
        return {"scores": scores, "box": box}


def convnet(classes: int = 10, width: int = 8) -> nn.Module:
    """Inputs: {image: {shape: [3, 32, 32]}} or any other size."""
    return ConvNet(classes, width)


def two_inputs() -> nn.Module:
    """Inputs: {left: {shape: [12]}, right: {shape: [8]}}."""
    return TwoInputs()


def tokens() -> nn.Module:
    """Inputs: {tokens: {shape: [6], dtype: int64, high: 100}}."""
    return Tokens()


def pair() -> nn.Module:
    """Inputs: {x: {shape: [12]}}."""
    return Pair()


def named() -> nn.Module:
    """Inputs: {x: {shape: [12]}}."""
    return Named()


def wide(width: int) -> nn.Module:
    """Two square linear layers: weights that outweigh all else that a process takes on a GPU."""
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
