"""Tiny models, each exported to ONNX once for all tests of the backends."""

from pathlib import Path

import numpy as np
import pytest
from tiny_models import BATCH, TinyModel, export_onnx, modules
from workshop import Workshop


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, quick_onnx_export: None) -> dict[str, TinyModel]:
    """The tiny models by name: conv, two_inputs, tokens, two_outputs."""
    import torch

    torch.set_num_threads(1)
    models = {}
    for name, (make, inputs) in modules().items():
        torch.manual_seed(0)
        module = make().eval()
        random = np.random.default_rng(0)
        arrays = {
            size: [
                random.integers(0, 50, (size, *i.shape)) if i.dtype == "int64"
                else random.standard_normal((size, *i.shape), dtype=np.float32)
                for i in inputs
            ]
            for size in (1, BATCH, 5)
        }  # fmt: skip
        expected = {}
        with torch.inference_mode():
            for size, batch in arrays.items():
                answer = module(*map(torch.from_numpy, batch))
                expected[size] = [t.numpy() for t in (answer if isinstance(answer, tuple) else (answer,))]
        folder = tmp_path_factory.mktemp(name)
        models[name] = TinyModel(
            dynamic=export_onnx(module, arrays[BATCH], inputs, True, folder / "dynamic"),
            fixed=export_onnx(module, arrays[BATCH], inputs, False, folder / "fixed"),
            half=export_onnx(module.half(), arrays[BATCH], inputs, True, folder / "half") if name == "conv" else None,
            inputs=inputs,
            arrays=arrays,
            expected=expected,
        )
    return models


@pytest.fixture(scope="session")
def workshop(root: Path, tmp_path_factory: pytest.TempPathFactory, quick_onnx_export: None) -> Workshop:
    """References and exports of the models of tests/models/tiny.py, each made once."""
    return Workshop(root / "tests" / "models" / "tiny.py", tmp_path_factory)
