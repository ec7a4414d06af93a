"""Every backend of a precision takes floating inputs in one element type: none times a conversion that others lack."""

from pathlib import Path

import numpy as np
import pytest
from tiny_models import BATCH, TinyModel

from bakeoff.backends import make_backend
from bakeoff.backends.shared.arrays import bfloat16_bits, from_bfloat16_bits
from bakeoff.backends.shared.torch_session import TorchSession, torch_dtype

ELEMENT_TYPE = {"fp32": "float32", "int8": "float32", "fp16": "float16", "bf16": "bfloat16"}
"""As docs/timing.md says."""


def taken_by_pytorch(model: TinyModel, precision: str) -> list[str]:
    """The types on the device of a session that eager, torchscript, inductor, torch_tensorrt and torch2trt share."""
    session = TorchSession(lambda *inputs: inputs[0], model.spec(False, precision))
    session.prepare(model.arrays[BATCH])
    return [str(tensor.dtype).removeprefix("torch.") for tensor in session._inputs]


@pytest.mark.parametrize("precision", ELEMENT_TYPE)
def test_in_pytorch(tiny: dict[str, TinyModel], precision: str) -> None:
    assert str(torch_dtype(precision)) == f"torch.{ELEMENT_TYPE[precision]}"
    assert taken_by_pytorch(tiny["conv"], precision) == [ELEMENT_TYPE[precision]]
    assert taken_by_pytorch(tiny["tokens"], precision) == ["int64"]


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("name", ["conv", "two_outputs", "tokens"])
def test_in_openvino(tiny: dict[str, TinyModel], tmp_path: Path, name: str, precision: str) -> None:
    """Its graphs are exported in fp32, and once took and gave float32 at any precision."""
    import openvino as ov

    model, backend = tiny[name], make_backend({"kind": "openvino"})
    spec = model.spec(True, precision)
    built = backend.build(model.dynamic, spec, tmp_path)
    graph = ov.Core().read_model(tmp_path / built.files[0])
    names = {"f32": "float32", "f16": "float16", "bf16": "bfloat16", "i64": "int64"}
    expected = "int64" if name == "tokens" else ELEMENT_TYPE[precision]
    assert {names[port.element_type.get_type_name()] for port in graph.inputs} == {expected}
    assert {names[port.element_type.get_type_name()] for port in graph.outputs} == {ELEMENT_TYPE[precision]}
    session = backend.load(tmp_path, built.files, spec, BATCH)
    session.prepare(model.arrays[BATCH])
    session.run()
    for got, right in zip(session.outputs(), model.expected[BATCH], strict=True):
        assert got.dtype == np.float32
        assert np.linalg.norm(got - right) / np.linalg.norm(right) < 2e-2
    session.close()


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_in_onnxruntime(tiny: dict[str, TinyModel], precision: str) -> None:
    """It takes what the graph of the precision takes; CUDA's provider reads the same graphs."""
    import onnxruntime as ort

    export = tiny["conv"].half if precision == "fp16" else tiny["conv"].dynamic
    (argument,) = ort.InferenceSession(str(export / "model.onnx")).get_inputs()
    assert argument.type == {"fp32": "tensor(float)", "fp16": "tensor(float16)"}[precision]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_in_tensorrt(tiny: dict[str, TinyModel], tmp_path: Path, precision: str) -> None:
    from bakeoff.backends.tensorrt import info

    pytest.importorskip("tensorrt_rtx")
    model, backend = tiny["conv"], make_backend({"kind": "tensorrt"})
    export = model.half if precision == "fp16" else model.dynamic
    backend.build(export, model.spec(True, precision), tmp_path)
    content = info.read(tmp_path)
    ((name,), layers) = content["inputs"], content["engine"]["Layers"]
    taken = {tensor["Datatype"] for layer in layers for tensor in layer["Inputs"] if tensor["Name"] == name}
    assert taken == {ELEMENT_TYPE[precision]}


def test_bfloat16_as_bits_is_what_pytorch_makes_of_it() -> None:
    import torch

    array = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32)
    rounded = torch.from_numpy(array).bfloat16().float().numpy()
    np.testing.assert_array_equal(from_bfloat16_bits(bfloat16_bits(array)), rounded)
