"""Every format of every tiny model computes what the reference did, at other batch sizes than it was made with."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from bakeoff.artifacts.io import check_digests
from bakeoff.core.errors import BakeoffError, ExportError
from bakeoff.exports import FORMATS, cannot_export, exporter
from bakeoff.exports.tracer_warnings import KEEPS
from bakeoff.jobs import export
from bakeoff.models.arrays import load_arrays
from bakeoff.models.load import load_reference_model
from bakeoff.models.outputs import flatten

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

MODELS = ("convnet", "two_inputs", "tokens", "pair", "named")


def write(model, format, out, batch_size=None, precision="fp32", batch_max=8):
    """Run the export job."""
    label, section, reference = model
    return export.run(
        {
            "target": {"study": "s", "model": label, "precision": precision, "batch_size": batch_size},
            "format": format,
            "precision": precision,
            "batch_size": batch_size,
            "batch_max": batch_max,
            "label": label,
            "model": section,
            "reference": str(reference),
            "out": str(out),
            "threads": 1,
        }
    )


def outputs_of(format, file, inputs):
    """Run an export by the library that reads it."""
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        return session.run(None, {i.name: array for i, array in zip(session.get_inputs(), inputs, strict=True)})
    module = torch.jit.load(str(file)) if format.startswith("torchscript") else torch.export.load(str(file)).module()
    with torch.inference_mode():
        return [t.float().numpy() for _, t in flatten(module(*map(torch.from_numpy, inputs)))]


def agree(model, format, out, record, batch_size):
    """Compare with the reference's first inputs."""
    reference = model[2]
    inputs = [array[:batch_size] for array in load_arrays(reference / "inputs.npz").values()]
    expected = [array[:batch_size] for array in load_arrays(reference / "outputs.npz").values()]
    outputs = outputs_of(format, out / next(iter(record.files)), inputs)
    assert len(outputs) == len(expected)
    for output, wanted in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(output, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", MODELS)
def test_dynamic(tiny, tmp_path, name, format):
    record = write(tiny(name), format, tmp_path)
    assert record.status == "ok"
    assert record.batch_size is None
    assert record.export_s > 0
    assert "torch" in record.library
    check_digests(tmp_path, record.files)
    for batch_size in (1, 3, 5):
        agree(tiny(name), format, tmp_path, record, batch_size)


@pytest.mark.parametrize("format", FORMATS)
def test_fixed(tiny, tmp_path, format):
    record = write(tiny("convnet"), format, tmp_path, batch_size=1)
    assert record.batch_size == 1
    agree(tiny("convnet"), format, tmp_path, record, 1)


def test_onnx_names_opset_and_batch_dimension(tiny, tmp_path):
    record = write(tiny("named"), "onnx", tmp_path)
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert [value.name for value in graph.input] == ["x"]
    assert [value.name for value in graph.output] == ["scores", "box"]
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert record.notes[0].startswith("opset ")
    assert list(record.files) == ["model.onnx"]
    write(tiny("two_inputs"), "onnx", tmp_path, batch_size=3)
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert [value.name for value in graph.input] == ["left", "right"]
    assert [value.type.tensor_type.shape.dim[0].dim_value for value in graph.input] == [3, 3]
    assert [value.name for value in graph.output] == ["out0"]


def test_large_weights_go_into_a_file_beside(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("bakeoff.exports.onnx.ONE_FILE_BYTES", 10)
    record = write(tiny("convnet"), "onnx", tmp_path)
    assert list(record.files) == ["model.onnx", "model.onnx.data"]
    agree(tiny("convnet"), "onnx", tmp_path, record, 2)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize("format", FORMATS)
def test_half_precisions_hold_half_weights(tiny, tmp_path, format, precision):
    record = write(tiny("convnet"), format, tmp_path, precision=precision)
    file = tmp_path / next(iter(record.files))
    if format == "onnx":
        model = onnx.load(file)
        onnx.checker.check_model(model, full_check=True)
        graph = model.graph
        wanted = {"fp16": onnx.TensorProto.FLOAT16, "bf16": onnx.TensorProto.BFLOAT16}[precision]
        assert [v.type.tensor_type.elem_type for v in (*graph.input, *graph.output)] == [wanted, wanted]
        floating = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}
        assert {i.data_type for i in graph.initializer} & floating == {wanted}
    else:
        module = torch.jit.load(str(file)) if format.startswith("torchscript") else torch.export.load(file).module()
        wanted = {"fp16": torch.float16, "bf16": torch.bfloat16}[precision]
        assert {p.dtype for p in module.parameters()} == {wanted}


def test_integer_inputs_are_not_cast(tiny, tmp_path):
    write(tiny("tokens"), "onnx", tmp_path, precision="fp16")
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.INT64


@pytest.fixture(scope="module")
def given_script(tiny, make_reference, tmp_path_factory):
    """A TorchScript file that somebody gave, made from the pair model."""
    path = tmp_path_factory.mktemp("given") / "pair.ts"
    torch.manual_seed(3)
    body, left, right = torch.nn.Linear(12, 16), torch.nn.Linear(16, 10), torch.nn.Linear(16, 4)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.left, self.right = body, left, right

        def forward(self, x):
            x = torch.relu(self.body(x))
            return self.left(x), self.right(x)

    torch.jit.trace(Net(), torch.zeros(2, 12)).save(path)
    section = {"source": "torchscript", "path": str(path), "inputs": {"x": {"shape": [12]}}}
    return "given", section, make_reference("given", section)


@pytest.mark.parametrize("format", ["torchscript-trace", "torchscript-script", "onnx"])
def test_torchscript_source(given_script, tmp_path, format):
    assert (Path(given_script[2]) / "module.ts").exists()
    record = write(given_script, format, tmp_path)
    for batch_size in (1, 5):
        agree(given_script, format, tmp_path, record, batch_size)
    assert any("TorchScript" in note for note in record.notes)


def test_torchscript_source_has_no_exported_program(given_script, tmp_path):
    with pytest.raises(ExportError, match=r"models\.given cannot be exported as exported_program: .*holds none"):
        write(given_script, "exported_program", tmp_path)
    assert cannot_export("exported_program", "file") is None


BRANCH = """
import torch
class Branch(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(4, 3)
    def forward(self, x):
        if x.abs().max() > 1e6:
            x = x * 2
        return self.head(x)
class Fixed(Branch):
    def forward(self, x):
        return self.head(x.reshape(int(x.shape[0]), 4)) + torch.ones(len(x), 1)
class Optional(Branch):
    def forward(self, x):
        return {"scores": self.head(x), "aux": None, "more": (x,)}
class Star(Branch):
    def forward(self, *inputs):
        return self.head(inputs[0] + inputs[1])
"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory, make_reference):
    """(label, section, reference) of a class above."""
    path = tmp_path_factory.mktemp("odd") / "odd.py"
    path.write_text(BRANCH)

    def get(name, inputs=("x",)):
        section = {"source": "file", "factory": f"{path}:{name}", "inputs": {i: {"shape": [4]} for i in inputs}}
        return name, section, make_reference(name, section)

    return get


@pytest.mark.parametrize("format", ["exported_program", "onnx"])
def test_a_refusal_is_one_sentence_with_the_exporters_reason(odd, tmp_path, format):
    with pytest.raises(ExportError) as caught:
        write(odd("Branch"), format, tmp_path)
    told = str(caught.value)
    assert told.startswith(f"models.Branch cannot be exported as {format}: ")
    assert "data-dependent" in told
    assert "batch.dynamic" not in told  # it was tried, and does not help
    assert "\n" not in told
    assert len(told) < 500


@pytest.mark.parametrize("format", ["torchscript-trace", "exported_program", "onnx"])
def test_odd_outputs_are_flattened(odd, tmp_path, format):
    record = write(odd("Optional"), format, tmp_path)
    assert any("flattened" in note for note in record.notes)
    agree(odd("Optional"), format, tmp_path, record, 3)


@pytest.mark.parametrize("format", ["torchscript-trace", "exported_program", "onnx"])
def test_inputs_taken_by_a_star(odd, tmp_path, format):
    model = odd("Star", ("a", "b"))
    agree(model, format, tmp_path, write(model, format, tmp_path), 3)


def test_a_trace_that_holds_its_batch_size_is_refused_where_it_must_not(odd, tmp_path):
    with pytest.raises(ExportError, match=r"holds the batch size it was made with.*; with batch\.dynamic: false"):
        write(odd("Fixed"), "torchscript-trace", tmp_path)
    record = write(odd("Fixed"), "torchscript-trace", tmp_path, batch_size=3)
    agree(odd("Fixed"), "torchscript-trace", tmp_path, record, 3)


@pytest.fixture
def traced_sizes(monkeypatch):
    """Batch sizes that modules are traced with."""
    sizes = []

    def trace(module, inputs, **settings):
        sizes.append(len(inputs[0]))
        return true_trace(module, inputs, **settings)

    true_trace = torch.jit.trace
    monkeypatch.setattr(torch.jit, "trace", trace)
    return sizes


def test_a_trace_for_a_large_batch_is_made_with_few_inputs(tiny, tmp_path, traced_sizes):
    record = write(tiny("two_inputs"), "torchscript-trace", tmp_path, batch_size=6, precision="fp32")
    assert traced_sizes == [2]
    assert record.batch_size == 6
    agree(tiny("two_inputs"), "torchscript-trace", tmp_path, record, 6)


@pytest.mark.parametrize("name", ["Fixed"])
def test_but_with_all_of_them_where_the_model_keeps_their_number(odd, tmp_path, traced_sizes, name):
    label, section, reference = odd(name)
    write((label, section, reference), "torchscript-trace", tmp_path, batch_size=6)
    assert traced_sizes == [2, 6]
    x = np.resize(load_arrays(reference / "inputs.npz")["x"], (6, 4))
    module = load_reference_model(reference, section, label)
    traced = torch.jit.load(str(tmp_path / "model.ts"))
    with torch.inference_mode():
        torch.testing.assert_close(traced(torch.from_numpy(x)), module(torch.from_numpy(x)))


def test_an_altered_reference_is_not_exported(tiny, tmp_path, make_reference):
    label, section, _ = tiny("pair")
    folder = make_reference("altered", section)
    (folder / "state.pt").write_bytes(b"x")
    with pytest.raises(BakeoffError, match="its hash differs"):
        write((label, section, folder), "torchscript-trace", tmp_path)


def test_unknown_formats_and_precisions(tiny, tmp_path):
    with pytest.raises(ExportError, match="unknown format; known: torchscript-trace"):
        write(tiny("pair"), "coreml", tmp_path)
    with pytest.raises(ExportError, match="int8 is made from one by the backend"):
        write(tiny("pair"), "onnx", tmp_path, precision="int8")
    with pytest.raises(KeyError):
        exporter("coreml")


@pytest.mark.parametrize("precision", ["fp32", "tf32"])
def test_a_trace_allows_tf32_where_that_was_asked_for_alone(tiny, tmp_path, precision):
    """A trace keeps what was allowed when it was made, whatever the process that runs it allows."""
    torch.backends.cudnn.allow_tf32 = precision == "fp32"
    record = write(tiny("convnet"), "torchscript-trace", tmp_path, precision=precision)
    graph = torch.jit.freeze(torch.jit.load(str(tmp_path / next(iter(record.files)))).eval()).graph
    convolutions = graph.findAllNodes("aten::_convolution")
    assert convolutions
    assert {[*node.inputs()][-1].toIValue() for node in convolutions} == {precision == "tf32"}


def test_advice_is_given_where_it_was_tried_and_helps(odd, tmp_path):
    with pytest.raises(ExportError, match=r"; with batch\.dynamic: false it can be$"):
        write(odd("Fixed"), "torchscript-trace", tmp_path)
    assert not list(tmp_path.glob("*.ts"))


def test_a_decision_on_values_is_a_note_with_its_place(odd, tmp_path, tiny):
    record = write(odd("Branch"), "torchscript-trace", tmp_path)
    (note,) = [note for note in record.notes if note.startswith(KEEPS)]
    assert re.search(r"odd\.py, line \d+;", note)
    assert not any(note.startswith(KEEPS) for note in write(tiny("convnet"), "torchscript-trace", tmp_path).notes)
