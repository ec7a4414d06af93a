"""ONNX Runtime: builds, inferences, profiles and reasons."""

import importlib.util
from pathlib import Path

import numpy as np
import onnx
import pytest
from cpu_engines import CpuEngines
from tiny_models import BATCH, TinyModel, built_and_inspected, gpu, machine, request

from bakeoff.backends import make_backend
from bakeoff.backends.onnxruntime import backend as backend_module
from bakeoff.backends.onnxruntime.backend import GRAPH, OnnxRuntime
from bakeoff.backends.onnxruntime.profiler import read_profile


class TestOnnxRuntime(CpuEngines):
    kind = "onnxruntime"

    def test_optimization_levels_leave_their_graph(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        model, spec = tiny["conv"], tiny["conv"].spec(dynamic=True)
        operators = {}
        for level in ("disabled", "basic", "extended", "all"):
            backend = make_backend({"kind": "onnxruntime", "graph_optimization": level})
            out = tmp_path / level
            out.mkdir()
            built = built_and_inspected(backend, model.dynamic, spec, out)
            graph = onnx.load(out / GRAPH, load_external_data=False).graph
            operators[level] = [f"{node.domain}:{node.op_type}" for node in graph.node]
            session = backend.load(out, built.files, spec, BATCH)
            session.prepare(model.arrays[BATCH])
            session.run()
            np.testing.assert_allclose(session.outputs()[0], model.expected[BATCH][0], rtol=1e-4, atol=1e-5)
        assert len(operators["disabled"]) >= len(operators["basic"]) > len(operators["extended"])
        assert any(o.startswith("com.microsoft") for o in operators["all"])
        assert operators["disabled"].count(":Relu") == 2

    def test_weights_lie_beside_the_graph(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        built = make_backend({"kind": "onnxruntime"}).build(tiny["conv"].dynamic, tiny["conv"].spec(True), tmp_path)
        assert built.files == ["engine.onnx", "engine.onnx.data"]

    def test_a_profile_leaves_no_file(self, tiny: dict[str, TinyModel], tmp_path: Path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        model, backend = tiny["tokens"], make_backend({"kind": "onnxruntime"})
        out = tmp_path / "out"
        out.mkdir()
        built_and_inspected(backend, model.dynamic, model.spec(True), out)
        assert [p.name for p in tmp_path.iterdir()] == ["out"]


def _event(name: str, ts: int, dur: int, cat: str = "Node") -> dict:
    args = {"op_name": name, "provider": "CPUExecutionProvider", "input_type_shape": [{"float": [1, 4]}]}
    return {"cat": cat, "name": f"{name}_kernel_time" if cat == "Node" else name, "ts": ts, "dur": dur, "args": args}


def test_loop_bodies_count_once() -> None:
    events = [
        _event("Add", 10, 5),
        _event("inner", 22, 3),
        _event("inner", 26, 3),
        _event("Loop", 20, 10),
        _event("model_run", 8, 30, "Session"),
        _event("Add", 50, 7),
        _event("model_run", 48, 12, "Session"),
    ]
    first, second = read_profile(events)
    assert [(n.name, n.ms, n.dtype) for n in first.nodes] == [("Add", 0.005, "float32"), ("Loop", 0.01, "float32")]
    assert [n.name for n in second.nodes] == ["Add"]
    assert (first.ms, second.ms) == (0.03, 0.012)


class TestReasons:
    backend = OnnxRuntime(OnnxRuntime.Options())

    def test_fp32_on_the_cpu_can_be_built_and_run(self) -> None:
        assert self.backend.cannot_build(request("fp32")) is None
        assert self.backend.cannot_run(request("fp32")) is None

    @pytest.mark.parametrize(
        ("precision", "words"),
        [
            ("tf32", "NVIDIA GPUs only"),
            ("fp16", "insert casts and compute in fp32"),
            ("bf16", "refuses bf16 convolutions"),
            ("fp8", "compute capability 8.9"),
        ],
    )
    def test_other_precisions_on_the_cpu(self, precision: str, words: str) -> None:
        assert words in self.backend.cannot_build(request(precision))

    def test_cuda_needs_a_gpu_and_its_own_package(self, monkeypatch) -> None:
        assert "no GPU cuda:1" in self.backend.cannot_build(request("fp32", "cuda:1", machine(gpus=(gpu(),))))
        on_gpu = request("fp32", "cuda:0", machine(gpus=(gpu(),)))
        monkeypatch.setattr(backend_module, "version_of", lambda _: None)
        assert "install onnxruntime-gpu" in self.backend.cannot_build(on_gpu)
        monkeypatch.setattr(backend_module, "version_of", lambda _: "1.31.1")
        assert self.backend.cannot_build(on_gpu) is None
        old = request("tf32", "cuda:0", machine(gpus=(gpu(compute_capability=(7, 5)),)))
        assert "8.0" in self.backend.cannot_build(old)

    def test_missing_package(self, monkeypatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
        assert self.backend.cannot_build(request("fp32")) == "the package onnxruntime is not installed"

    def test_reads_the_export_of_its_precision(self) -> None:
        keys = [self.backend.export_key(p) for p in ("fp32", "tf32", "fp16")]
        assert [(k.format, k.precision) for k in keys] == [("onnx", "fp32"), ("onnx", "fp32"), ("onnx", "fp16")]
