"""Eager PyTorch on real models, and the sessions that all backends inside PyTorch share."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import gpu, machine, request
from workshop import INPUTS, Workshop, need_instructions

from bakeoff.backends import make_backend
from bakeoff.backends.torch_session import TorchSession
from bakeoff.core.errors import EngineError

DTYPE = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}

CASTING = """
import torch
from torch import nn

class Casting(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(12, 16), nn.Linear(16, 10)
    def forward(self, x):
        hidden = torch.relu(self.first(x)).float()
        weight, bias = self.second.weight.float(), self.second.bias.float()
        return nn.functional.linear(hidden, weight, bias).to(x.dtype)

def casting():
    return Casting()
"""


@pytest.mark.parametrize("name", INPUTS)
def test_outputs_are_those_of_the_reference(workshop: Workshop, tmp_path: Path, name: str) -> None:
    backend = make_backend({"kind": "eager"})
    built = workshop.build(backend, name, tmp_path)
    assert built.holds_precision is True
    assert set(built.layer_dtypes) == {"float32"}
    for size in (1, 3):
        workshop.assert_close(workshop.load(backend, name, tmp_path, built, size), name, size)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize("name", INPUTS)
def test_low_precision(workshop: Workshop, tmp_path: Path, name: str, precision: str) -> None:
    need_instructions(precision)
    backend = make_backend({"kind": "eager"})
    built = workshop.build(backend, name, tmp_path, precision)
    assert built.holds_precision is True
    assert set(built.layer_dtypes) == {DTYPE[precision]}
    session = workshop.load(backend, name, tmp_path, built, 3, precision)
    workshop.assert_close(session, name, 3, precision)
    exact = np.concatenate([e.ravel() for e in workshop.expected(name, 3)])
    assert not np.array_equal(np.concatenate([o.ravel() for o in session.outputs()]), exact)


def test_a_model_that_casts_inside_does_not_hold_its_precision(workshop: Workshop, tmp_path: Path) -> None:
    need_instructions("bf16")
    (tmp_path / "casting.py").write_text(CASTING)
    section = {"source": "file", "factory": f"{tmp_path}/casting.py:casting", "inputs": INPUTS["pair"]}
    workshop.add("casting", section)
    out = tmp_path / "out"
    out.mkdir()
    built = workshop.build(make_backend({"kind": "eager"}), "casting", out, "bf16")
    assert built.holds_precision is False
    assert built.layer_dtypes["bfloat16"] >= 1
    assert "of 2 convolutions and matrix products, 1 in float32: not bf16" in built.notes


def test_channels_last(workshop: Workshop, tmp_path: Path) -> None:
    backend = make_backend({"kind": "eager", "channels_last": True})
    built = workshop.build(backend, "convnet", tmp_path)
    session = workshop.load(backend, "convnet", tmp_path, built, 3)
    assert isinstance(session, TorchSession)
    assert session._inputs[0].is_contiguous(memory_format=torch.channels_last)
    assert session.module.features[3].weight.is_contiguous(memory_format=torch.channels_last)
    workshop.assert_close(session, "convnet", 3)


def test_layers_are_modules(workshop: Workshop, tmp_path: Path) -> None:
    backend = make_backend({"kind": "eager"})
    built = workshop.build(backend, "convnet", tmp_path)
    times = workshop.load(backend, "convnet", tmp_path, built, 2).layers(runs=12, max_s=60)
    assert times.runs == 12
    names = [layer.name for layer in times.layers]
    assert [n for n in names if n.startswith("features.")] == [f"features.{i}" for i in range(6)]
    assert next(layer.type for layer in times.layers if layer.name == "features.0") == "Conv2d"
    assert all(layer.time_ms.median > 0 for layer in times.layers if layer.type == "Conv2d")
    assert sum(layer.share for layer in times.layers) == pytest.approx(1)


def test_a_damaged_engine_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    backend = make_backend({"kind": "eager"})
    built = workshop.build(backend, "pair", tmp_path)
    file = tmp_path / built.files[0]
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(EngineError, match=r"engine\.pt"):
        workshop.load(backend, "pair", tmp_path, built, 1)


def test_another_number_of_inputs_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    backend = make_backend({"kind": "eager"})
    built = workshop.build(backend, "two_inputs", tmp_path)
    session = workshop.load(backend, "two_inputs", tmp_path, built, 1)
    with pytest.raises(EngineError, match="takes 2 inputs, 1 were given"):
        session.prepare(workshop.batch("two_inputs", 1)[:1])


def test_fp32_and_tf32_set_tensor_cores_everywhere(workshop: Workshop, tmp_path: Path) -> None:
    backend = make_backend({"kind": "eager"})
    built = backend.build(workshop.reference("pair"), workshop.spec("pair"), tmp_path)
    for precision, allowed in (("tf32", True), ("fp32", False)):
        backend.load(tmp_path, built.files, workshop.spec("pair", precision), 1)
        assert torch.backends.cuda.matmul.allow_tf32 is allowed
        assert torch.backends.cudnn.allow_tf32 is allowed


@pytest.mark.parametrize("kind", ["eager", "torchscript", "inductor"])
@pytest.mark.parametrize(
    ("precision", "device", "on", "reason"),
    [
        ("fp32", "cpu", machine(), None),
        ("tf32", "cpu", machine(), "TF32 exists on NVIDIA GPUs only"),
        ("bf16", "cpu", machine(), "no bf16 instructions"),
        ("bf16", "cpu", machine(frozenset({"avx512_bf16"})), None),
        ("fp16", "cpu", machine(), "no fp16 instructions"),
        ("fp16", "cpu", machine(frozenset({"amx_fp16"})), None),
        ("int8", "cpu", machine(), "int8 needs a quantized engine"),
        ("fp32", "cuda:0", machine(), "there is no GPU cuda:0 on this machine"),
        ("fp32", "cuda:1", machine(gpus=(gpu(),)), "there is no GPU cuda:1 on this machine"),
        ("tf32", "cuda:0", machine(gpus=(gpu(),)), None),
        ("tf32", "cuda:0", machine(gpus=(gpu(0, (7, 5)),)), "compute capability 8.0 or later, a GPU has 7.5"),
        ("fp16", "cuda:0", machine(gpus=(gpu(0, (7, 5)),)), None),
    ],
)
def test_what_cannot_be_built_is_said_in_words(kind, precision, device, on, reason) -> None:
    told = make_backend({"kind": kind}).cannot_build(request(precision, device, on))
    assert told is None if reason is None else reason in told


@pytest.mark.parametrize("kind", ["eager", "torchscript", "inductor"])
def test_a_cuda_graph_needs_a_gpu(kind: str) -> None:
    backend = make_backend({"kind": kind, "cuda_graph": True})
    assert backend.cannot_build(request("fp32")) == "cuda_graph needs an NVIDIA GPU"
    assert backend.cannot_build(request("fp32", "cuda:0", machine(gpus=(gpu(),)))) is None


def test_torchscript_files_have_no_eager_code() -> None:
    refusal = make_backend({"kind": "eager"}).cannot_build(replace(request("fp32"), source="torchscript"))
    assert refusal is not None
    assert "kind torchscript" in refusal


class FakeCuda:
    """What of torch.cuda a capture uses, without a GPU: says what was called, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[str] = []
        self.stream = "current"
        cuda = self

        class Stream:
            def __init__(self, name: str) -> None:
                self.name = name

            def wait_stream(self, other: "Stream") -> None:
                cuda.events.append(f"{self.name} waits for {other.name}")

        class Graph:
            def replay(self) -> None:
                cuda.events.append("replay")

        @contextmanager
        def on(stream: Stream):
            before, cuda.stream = cuda.stream, stream.name
            yield
            cuda.stream = before

        @contextmanager
        def capture(graph: Graph, stream: Stream):
            cuda.events.append("capture begins")
            try:
                with on(stream):
                    yield
            except Exception as error:
                # a with statement of torch.cuda.graph raises this while the first error is on its way
                raise RuntimeError("CUDA error: operation failed due to a previous error during capture") from error
            cuda.events.append("capture ends")

        for name, value in {
            "current_stream": lambda device: Stream("current"),
            "Stream": lambda device: Stream("side"),
            "stream": on,
            "graph": capture,
            "CUDAGraph": Graph,
            "synchronize": lambda device: None,
        }.items():
            monkeypatch.setattr(torch.cuda, name, value)


def graph_session(workshop: Workshop, module: object) -> TorchSession:
    """A session that believes in its CUDA graph but has its tensors on the CPU."""
    session = TorchSession(module, workshop.spec("pair"), cuda_graph=True)
    session.prepare(workshop.batch("pair", 1))
    return session


def test_a_cuda_graph_is_captured_once_and_replayed(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda(monkeypatch)
    module = torch.nn.Linear(12, 3)

    def called(x: torch.Tensor) -> torch.Tensor:
        cuda.events.append(f"forward on {cuda.stream}")
        return module(x)

    session = graph_session(workshop, called)
    outputs = [session.run() for _ in range(3)]
    assert all(output is outputs[0] for output in outputs)
    warmed_up = ["side waits for current", *["forward on side"] * 3, "current waits for side"]
    captured = ["capture begins", "forward on side", "capture ends"]
    assert cuda.events == [*warmed_up, *captured, *["replay"] * 3]
    session.prepare(workshop.batch("pair", 1))  # other inputs need another graph
    cuda.events.clear()
    session.run()
    assert cuda.events == [*warmed_up, *captured, "replay"]
    notes = session.layers(runs=1, max_s=10).notes
    assert "profiled without the CUDA graph, operator by operator" in notes


def test_a_model_that_cannot_be_captured_is_told_so(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda(monkeypatch)

    def waits(x: torch.Tensor) -> torch.Tensor:
        if "capture begins" in cuda.events:
            raise RuntimeError("operation not permitted when stream is capturing\nand more")
        return x

    wanted = r"cuda_graph: false: RuntimeError: operation not permitted when stream is capturing$"
    with pytest.raises(EngineError, match=wanted):
        graph_session(workshop, waits).run()
