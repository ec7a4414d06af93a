"""What tests of several backends share; nothing here is made where there is no GPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_network import BATCH, SHAPE, write_export


@pytest.fixture(scope="session")
def model() -> Any:
    """A small network with statistics for its BatchNorm, on the CPU."""
    import torch
    from tests.models.tiny import ConvNet

    torch.manual_seed(0)
    model = ConvNet(width=32)
    with torch.no_grad():
        model.train()(torch.randn(16, *SHAPE))
    return model.eval()


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((BATCH, *SHAPE), dtype=np.float32)


@pytest.fixture(scope="session")
def expected(model: Any, images: np.ndarray) -> np.ndarray:
    """What eager PyTorch answers in fp32 on the CPU."""
    import torch

    with torch.no_grad():
        return model(torch.from_numpy(images)).numpy()


@pytest.fixture(scope="session")
def export(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Gives the folder of the export in a format, with weights in a precision."""
    folders: dict[tuple[str, str], Path] = {}

    def of(format: str, precision: str) -> Path:
        if (format, precision) not in folders:
            folder = tmp_path_factory.mktemp(f"{format}-{precision}")
            folders[format, precision] = write_export(model, format, precision, folder)
        return folders[format, precision]

    return of
