"""Torch-TensorRT on a real GPU: each frontend against eager PyTorch, from the file that its build left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_network import BATCH, assert_close, assert_profile_is_whole, spec_of

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("needs an NVIDIA GPU", allow_module_level=True)

from bakeoff.backends import make_backend  # noqa: E402
from bakeoff.errors import BuildError  # noqa: E402

try:
    make_backend({"kind": "torch_tensorrt"}).import_library()
except BuildError as error:
    pytest.skip(str(error), allow_module_level=True)

FORMATS = {"dynamo": "exported_program", "torchscript-trace": None, "torchscript-script": None}
CLOSE = {"fp32": 5e-3, "tf32": 5e-3, "fp16": 2e-2}
"""Largest relative L2 error against eager fp32; TensorRT for RTX 1.4 computes in TF32 on an H200 whatever is asked."""


def _export_of(export: Any, frontend: str, precision: str) -> Path:
    return export(FORMATS[frontend] or frontend, "fp16" if precision == "fp16" else "fp32")


@pytest.mark.parametrize("precision", CLOSE)
@pytest.mark.parametrize("frontend", FORMATS)
def test_agrees_with_eager(
    export: Any, images: Any, expected: Any, tmp_path: Path, frontend: str, precision: str
) -> None:
    backend, spec = make_backend({"kind": "torch_tensorrt", "frontend": frontend}), spec_of(precision)
    built = backend.build(_export_of(export, frontend, precision), spec, tmp_path)
    backend.inspect(tmp_path, built, spec)
    print(built.notes)
    assert built.partition is not None
    assert built.partition.engines >= 1
    loaded = make_backend({"kind": "torch_tensorrt", "frontend": frontend})  # knows nothing of the build
    assert_close(loaded.load(tmp_path, built.files, spec, BATCH), images, expected, CLOSE[precision])


def _fp16_session(export: Any, folder: Path, **options: Any) -> Any:
    backend, spec = make_backend({"kind": "torch_tensorrt", **options}), spec_of("fp16")
    built = backend.build(_export_of(export, "dynamo", "fp16"), spec, folder)
    return backend.load(folder, built.files, spec, BATCH)


def test_a_cuda_graph_answers_the_same(export: Any, images: Any, expected: Any, tmp_path: Path) -> None:
    assert_close(_fp16_session(export, tmp_path, cuda_graph=True), images, expected, CLOSE["fp16"])


def test_a_profile_shows_the_kernels_of_the_engine(export: Any, images: Any, tmp_path: Path) -> None:
    session = _fp16_session(export, tmp_path)
    session.prepare([images])
    assert_profile_is_whole(session, "")
