"""Tiny models, machines and cells for the backends' tests."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bakeoff.backends.base import Built, EngineSpec, InputInfo, Request
from bakeoff.core.machine import Gpu, Machine

BATCH = 3


@dataclass
class TinyModel:
    """A model, its exports and its answers."""

    dynamic: Path
    """Export folder with a dynamic batch dimension."""
    fixed: Path
    """Export folder with batch size BATCH."""
    half: Path | None
    """Export folder of the model in fp16 with a dynamic batch dimension, for the model `conv`."""
    inputs: list[InputInfo]
    arrays: dict[int, list[np.ndarray]]
    """Inputs by batch size."""
    expected: dict[int, list[np.ndarray]]
    """What PyTorch answers in fp32, by batch size."""

    def spec(self, dynamic: bool, precision: str = "fp32", device: str = "cpu") -> EngineSpec:
        """An engine for batch sizes 1 to 5, or for BATCH alone."""
        low, middle, high = (1, BATCH, 5) if dynamic else (BATCH, BATCH, BATCH)
        return EngineSpec(precision, device, 1, low, middle, high, self.inputs)

    def export(self, dynamic: bool) -> Path:
        """The export folder that fits."""
        return self.dynamic if dynamic else self.fixed


def modules() -> dict:
    import torch
    from torch import nn

    class ConvNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential(
                nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
                nn.Conv2d(16, 16, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
            )  # fmt: skip
            self.classifier = nn.Linear(16, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.classifier(torch.flatten(self.features(x), 1))

    class TwoInputs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(8, 6), nn.Linear(5, 6)

        def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
            return torch.tanh(self.left(left)) - 2 * self.right(right)

    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.classifier = nn.Embedding(50, 12), nn.Linear(12, 4)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.classifier(self.embedding(tokens).mean(1))

    class TwoOutputs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.first, self.second = nn.Linear(8, 16), nn.Linear(16, 3), nn.Linear(16, 5)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            hidden = torch.relu(self.trunk(x))
            return self.first(hidden), self.second(hidden)

    return {
        "conv": (ConvNet, [InputInfo("image", (3, 16, 16), "float32")]),
        "two_inputs": (TwoInputs, [InputInfo("left", (8,), "float32"), InputInfo("right", (5,), "float32")]),
        "tokens": (Tokens, [InputInfo("tokens", (7,), "int64")]),
        "two_outputs": (TwoOutputs, [InputInfo("x", (8,), "float32")]),
    }


def export_onnx(module: object, arrays: list[np.ndarray], inputs: list[InputInfo], dynamic: bool, folder: Path) -> Path:
    import torch

    folder.mkdir()
    dtype = next(module.parameters()).dtype
    batch = torch.export.Dim("batch", min=1, max=64)
    torch.onnx.export(
        module,
        tuple(torch.from_numpy(a).to(dtype) if a.dtype == np.float32 else torch.from_numpy(a) for a in arrays),
        folder / "model.onnx",
        dynamo=True,
        verbose=False,
        input_names=[i.name for i in inputs],
        dynamic_shapes=tuple({0: batch} for _ in arrays) if dynamic else None,
    )
    return folder


MODELS = ["conv", "two_inputs", "tokens", "two_outputs"]


def machine(flags: frozenset[str] = frozenset(), gpus: tuple[Gpu, ...] = ()) -> Machine:
    """A machine with the given processor flags and GPUs."""
    return Machine("a processor", flags, 2, gpus, "600.1" if gpus else None, "/usr/bin/g++")


def gpu(index: int = 0, compute_capability: tuple[int, int] = (9, 0)) -> Gpu:
    """A GPU."""
    return Gpu(index, "a GPU", 80 * 2**30, compute_capability, "GPU-0")


def request(precision: str, device: str = "cpu", machine: Machine = machine()) -> Request:  # noqa: B008 - never altered
    """A request of the matrix."""
    return Request(precision, device, "torchvision", machine)  # type: ignore[arg-type]


def built_and_inspected(backend: object, export: Path, spec: EngineSpec, out: Path) -> Built:
    """Build into `out` and inspect, as the build job does."""
    built = backend.build(export, spec, out)  # type: ignore[attr-defined]
    backend.inspect(out, built, spec)  # type: ignore[attr-defined]
    return built
