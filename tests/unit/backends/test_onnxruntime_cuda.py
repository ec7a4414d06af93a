"""ONNX Runtime's CUDA sessions, with ordinary memory and the CPU provider in place of the GPU's."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tiny_models import BATCH, MODELS, TinyModel, gpu, machine, request

from bakeoff.backends import make_backend
from bakeoff.backends.onnxruntime import backend as onnxruntime
from bakeoff.backends.onnxruntime import cuda
from bakeoff.backends.onnxruntime.cuda import CudaOnnxRuntimeSession
from bakeoff.core.errors import EngineError

ON_GPU = machine(gpus=(gpu(),))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What sessions ask of the provider; streams are none."""
    given: list[Any] = []

    class Stream:
        handle = 4711

        def __init__(self, device: str) -> None:
            given.append(device)

        def synchronize(self) -> None:
            pass

        def close(self) -> None:
            given.append("closed")

    plain = onnxruntime._providers

    def providers(spec: Any, more: Any = None) -> list[Any]:
        given.append(more)
        return plain(spec, more)

    monkeypatch.setattr(cuda, "OwnStream", Stream)
    monkeypatch.setattr(onnxruntime, "_providers", providers)
    return given


def engine(model: TinyModel, folder: Path, **options: Any) -> tuple[Any, Any]:
    backend, spec = make_backend({"kind": "onnxruntime", **options}), model.spec(True)
    backend.build(model.dynamic, spec, folder)
    return backend, spec


def opened(backend: Any, folder: Path, spec: Any) -> CudaOnnxRuntimeSession:
    """The session of a GPU, on the CPU."""
    engine = partial(backend.open, folder / onnxruntime.GRAPH, spec)
    return CudaOnnxRuntimeSession(engine, spec.device, backend.options.cuda_graph)


@pytest.mark.parametrize("name", MODELS)
def test_reads_and_writes_tensors(tiny: dict[str, TinyModel], tmp_path: Path, asked: list[Any], name: str) -> None:
    model = tiny[name]
    backend, spec = engine(model, tmp_path)
    session = opened(backend, tmp_path, spec)
    for size in (BATCH, 1):
        session.prepare(model.arrays[size])
        inputs, outputs = session.device_tensors()
        addresses = [tensor.data_ptr() for tensor in outputs]
        session.run()
        session.run()
        assert [tensor.data_ptr() for tensor in session.device_tensors()[1]] == addresses
        assert [np.array_equal(t.numpy(), a) for t, a in zip(inputs, model.arrays[size], strict=True)] == [True] * len(
            inputs
        )
        for got, wanted in zip(session.outputs(), model.expected[size], strict=True):
            assert np.allclose(got, wanted, atol=1e-5)
    session.close()
    assert asked[1:] == ["cpu", {"user_compute_stream": "4711"}, "closed"]


def test_profiling_leaves_the_session_as_it_was(tiny: dict[str, TinyModel], tmp_path: Path, asked: list[Any]) -> None:
    model = tiny["conv"]
    backend, spec = engine(model, tmp_path, cuda_graph=True)
    session = opened(backend, tmp_path, spec)
    session.prepare(model.arrays[BATCH])
    before = session.device_tensors()[1][0].data_ptr()
    assert {node.operator for node in session.profile(1, 60.0)[0].nodes} >= {"Conv"}
    assert session.device_tensors()[1][0].data_ptr() == before
    graph = {"user_compute_stream": "4711", "enable_cuda_graph": "1"}
    assert asked[1:] == ["cpu", graph, {"user_compute_stream": "4711"}]
    session.prepare(model.arrays[1])
    assert asked[-1] == graph  # a captured graph serves one batch size
    with pytest.raises(NotImplementedError):
        session.layers(1, 1.0)
    session.close()


def test_outputs_of_unknown_size(tiny: dict[str, TinyModel], tmp_path: Path, asked: list[Any], monkeypatch) -> None:
    model = tiny["conv"]
    backend, spec = engine(model, tmp_path)
    session = opened(backend, tmp_path, spec)
    result = SimpleNamespace(name="y", shape=["batch", "found"], type="tensor(float)")
    inputs = session._session.get_inputs()
    session._session = SimpleNamespace(get_inputs=lambda: inputs, get_outputs=lambda: [result])
    with pytest.raises(EngineError, match=r"output 'y' \['batch', 'found'\] is not known before it is run"):
        session.prepare(model.arrays[BATCH])


def test_an_engine_that_does_not_load_gives_the_stream_back(
    tiny: dict[str, TinyModel], tmp_path: Path, asked: list[Any]
) -> None:
    (tmp_path / onnxruntime.GRAPH).write_bytes(b"not a graph")
    with pytest.raises(EngineError, match="cannot load"):
        opened(make_backend({"kind": "onnxruntime"}), tmp_path, tiny["conv"].spec(True))
    assert asked[-1] == "closed"


def test_provider_options(tiny: dict[str, TinyModel]) -> None:
    spec = replace(tiny["conv"].spec(True), device="cuda:1")
    for precision, tf32 in (("fp32", "0"), ("fp16", "0"), ("tf32", "1")):
        (name, options), fallback = onnxruntime._providers(
            replace(spec, precision=precision), {"user_compute_stream": "7"}
        )
        assert (name, fallback) == ("CUDAExecutionProvider", "CPUExecutionProvider")
        assert options == {"device_id": "1", "use_tf32": tf32, "user_compute_stream": "7"}


def test_a_cuda_graph_needs_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = make_backend({"kind": "onnxruntime", "cuda_graph": True})
    assert backend.cannot_build(request("fp32")) == "cuda_graph needs an NVIDIA GPU"
    monkeypatch.setattr(onnxruntime, "version_of", lambda _: "1.99")
    assert backend.cannot_build(request("fp32", "cuda:0", ON_GPU)) is None
