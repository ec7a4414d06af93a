"""OpenVINO: builds, inferences, profiles, precisions and reasons."""

import importlib.util
import textwrap
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cpu_engines import CpuEngines
from tiny_models import BATCH, TinyModel, built_and_inspected, gpu, machine, request
from workshop import Workshop

from bakeoff.backends import make_backend
from bakeoff.backends import openvino as backend_module
from bakeoff.backends.openvino import OpenVino
from bakeoff.core.machine import Machine

DTYPE = {"bf16": "bfloat16", "fp16": "float16"}


class TestOpenVino(CpuEngines):
    kind = "openvino"

    @pytest.mark.parametrize("precision", ["bf16", "fp16"])
    @pytest.mark.parametrize("dynamic", [True, False], ids=["dynamic", "fixed"])
    def test_low_precisions_are_really_used(
        self, tiny: dict[str, TinyModel], tmp_path: Path, precision: str, dynamic: bool
    ) -> None:
        backend = make_backend({"kind": "openvino"})
        reason = backend.cannot_build(request(precision, machine=Machine.detect()))
        if reason:
            pytest.skip(reason)
        model = tiny["conv"]
        spec = model.spec(dynamic, precision)
        built = built_and_inspected(backend, model.export(dynamic), spec, tmp_path)
        assert built.holds_precision is True, built.notes
        assert built.layer_dtypes[DTYPE[precision]] >= 3
        session = backend.load(tmp_path, built.files, spec, BATCH)
        session.prepare(model.arrays[BATCH])
        session.run()
        got, expected = session.outputs()[0], model.expected[BATCH][0]
        error = np.linalg.norm(got - expected) / np.linalg.norm(expected)
        assert 1e-6 < error < 3e-2  # rounded, and no more than that
        layers = session.layers(3, 60).layers
        assert {layer.dtype for layer in layers if layer.type == "Convolution"} == {DTYPE[precision]}

    def test_an_engine_that_computes_in_fp32_does_not_hold_bf16(
        self, tiny: dict[str, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(backend_module._HINTS, "bf16", "f32")
        model = tiny["conv"]
        built = built_and_inspected(
            make_backend({"kind": "openvino"}), model.dynamic, model.spec(True, "bf16"), tmp_path
        )
        assert built.holds_precision is False
        assert built.notes == ["of 3 convolutions and matrix products, 3 in float32: not bf16"]

    def test_fp16_weights_are_stored_as_fp16(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        sizes = {}
        for precision in ("fp32", "bf16", "fp16"):
            out = tmp_path / precision
            out.mkdir()
            make_backend({"kind": "openvino"}).build(tiny["conv"].dynamic, tiny["conv"].spec(True, precision), out)
            sizes[precision] = (out / "engine.bin").stat().st_size
        assert sizes["fp16"] < 0.6 * sizes["fp32"]
        assert sizes["bf16"] == pytest.approx(sizes["fp32"], rel=0.01)

    def test_the_arrays_of_the_first_inference_live_until_it_has_run(
        self, tiny: dict[str, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """OpenVINO reads them in place: freed before, a build with large inputs ended in a segmentation fault."""
        given: list[weakref.ref[np.ndarray]] = []
        alive: list[bool] = []
        set_inputs, runtime_nodes = backend_module._set_inputs, backend_module._runtime_nodes

        def noting_arrays(request: Any, arrays: list[np.ndarray]) -> None:
            given.extend(weakref.ref(array) for array in arrays)
            set_inputs(request, arrays)

        def after_the_inference(compiled: Any) -> Any:
            alive.extend(array() is not None for array in given)
            return runtime_nodes(compiled)

        monkeypatch.setattr(backend_module, "_set_inputs", noting_arrays)
        monkeypatch.setattr(backend_module, "_runtime_nodes", after_the_inference)
        model = tiny["conv"]
        built_and_inspected(make_backend({"kind": "openvino"}), model.dynamic, model.spec(True), tmp_path)
        assert alive == [True]

    def test_profile_names_fused_layers(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        backend, model = make_backend({"kind": "openvino"}), tiny["conv"]
        spec = model.spec(True)
        built = backend.build(model.dynamic, spec, tmp_path)
        session = backend.load(tmp_path, built.files, spec, BATCH)
        session.prepare(model.arrays[BATCH])
        layers = session.layers(2, 60).layers
        fused = [name for layer in layers if layer.type == "Convolution" for name in layer.fused]
        assert any("relu" in name for name in fused)
        assert all(layer.kernel for layer in layers)
        assert all(layer.time_ms.p90 is None for layer in layers)  # two runs say nothing of a 90th percentile


class TestReasons:
    backend = OpenVino(OpenVino.Options())

    def test_by_precision_and_processor(self) -> None:
        plain, amx = machine(), machine(frozenset({"amx_bf16", "avx512_fp16"}))
        assert self.backend.cannot_build(request("fp32", machine=plain)) is None
        for precision in ("bf16", "fp16"):
            assert "would compute in fp32" in self.backend.cannot_build(request(precision, machine=plain))
            assert self.backend.cannot_build(request(precision, machine=amx)) is None
        assert "NVIDIA" in self.backend.cannot_build(request("tf32", machine=amx))

    def test_never_on_an_nvidia_gpu(self) -> None:
        on_gpu = request("fp32", "cuda:0", machine(gpus=(gpu(),)))
        assert "does not run on NVIDIA GPUs" in self.backend.cannot_build(on_gpu)

    def test_missing_package(self, monkeypatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
        assert self.backend.cannot_build(request("fp32")) == "the package openvino is not installed"

    def test_always_reads_fp32(self) -> None:
        assert {self.backend.export_key(p).precision for p in ("fp32", "bf16", "fp16")} == {"fp32"}


SPECTRAL = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(13, dtype=torch.complex64))
            self.head = nn.Linear(24, 10)
        def forward(self, x):
            return self.head(torch.fft.irfft(torch.fft.rfft(x) * self.weight, n=24))
"""


@pytest.mark.filterwarnings("ignore")
class TestPytorchFrontend:
    """Models are read from a trace; ONNX graphs of spectral ones come out wrong."""

    @pytest.mark.parametrize("name", ["convnet", "two_inputs", "tokens", "pair"])
    @pytest.mark.parametrize("batch", [(1, 4, 4), (3, 3, 3)], ids=["dynamic", "fixed"])
    def test_agrees_with_eager(self, workshop: Workshop, tmp_path: Path, name: str, batch: Any) -> None:
        backend = make_backend({"kind": "openvino", "frontend": "pytorch"})
        spec = workshop.spec(name, "fp32", batch)
        built = backend.build(workshop.export(name, "torchscript-trace"), spec, tmp_path)
        backend.inspect(tmp_path, built, spec)
        assert any("PyTorch frontend" in note for note in built.notes)
        assert built.build_s > 0
        for size in {batch[0], 3, batch[2]}:
            session = backend.load(tmp_path, built.files, spec, size)
            session.prepare(workshop.batch(name, size))
            workshop.assert_close(session, name, size)

    @pytest.mark.parametrize(("frontend", "right"), [("pytorch", True), ("onnx", False)])
    def test_a_spectral_model_is_right_through_a_trace(
        self, workshop: Workshop, tmp_path: Path, frontend: str, right: bool
    ) -> None:
        (tmp_path / "net.py").write_text("import torch\nfrom torch import nn\n" + textwrap.dedent(SPECTRAL))
        name = f"spectral-{frontend}"
        workshop.add(name, {"source": "file", "factory": f"{tmp_path}/net.py:Net", "inputs": {"x": {"shape": [24]}}})
        backend, out = make_backend({"kind": "openvino", "frontend": frontend}), tmp_path / "out"
        out.mkdir()
        built = workshop.build(backend, name, out)
        session = workshop.load(backend, name, out, built, 3)
        session.run()
        (expected,), (got,) = workshop.expected(name, 3), session.outputs()
        assert bool(np.linalg.norm(got - expected) < 1e-4 * np.linalg.norm(expected)) is right
