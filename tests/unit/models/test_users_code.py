"""A user's code and Bakeoff do not disturb each other, and what the code does besides is told."""

import os
import textwrap

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from bakeoff.artifacts.io import write_record
from bakeoff.core.errors import ModelError
from bakeoff.core.operator_libraries import with_operators
from bakeoff.jobs import export, reference
from bakeoff.models.arrays import load_arrays
from bakeoff.models.inputs import seeded_inputs
from bakeoff.models.load import load_reference_model
from bakeoff.models.outputs import flatten
from bakeoff.models.spec import InputSpec

VECTOR = {"x": {"shape": [12]}}


def write(folder, text):
    """A user's file, `net.py`."""
    (folder / "net.py").write_text("import torch\nfrom torch import nn\n" + textwrap.dedent(text))


def section(folder, function="Net", inputs=None, **keys):
    """The config section of a model in it."""
    return {"source": "file", "factory": f"{folder / 'net.py'}:{function}", "inputs": inputs or VECTOR, **keys}


def run(folder, made):
    """The reference job."""
    job = {"target": {"study": "s", "model": "net"}, "label": "net", "model": made, "data": {"n_inputs": 6},
           "threads": 2, "device": "cpu", "out": str(folder / "reference")}  # fmt: skip
    record = reference.run(job)
    write_record(folder / "reference" / "reference.json", record)
    return record


SETS_GLOBALS = """
    import os
    torch.set_num_threads(3)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    os.chdir("/")

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(12, 10, dtype=torch.float32)
        def forward(self, x):
            return self.head(x)
"""


def test_what_a_file_sets_for_its_process_is_set_back_and_told(tmp_path):
    write(tmp_path, SETS_GLOBALS)
    folder, gradients = os.getcwd(), torch.is_grad_enabled()
    record = run(tmp_path, section(tmp_path))
    assert (torch.get_num_threads(), torch.get_default_dtype(), os.getcwd()) == (2, torch.float32, folder)
    assert torch.is_grad_enabled() is gradients
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.benchmark
    told = "; ".join(record.notes)
    for words in (
        "CPU threads to 3",
        "float32 products to high",
        "cudnn.benchmark to True",
        "default dtype",
        "gradients",
    ):
        assert words in told
    torch.set_num_threads(1)


def test_a_file_that_sets_nothing_has_no_notes(tmp_path):
    write(tmp_path, "def make():\n    return nn.Linear(12, 10)\n")
    assert run(tmp_path, section(tmp_path, "make")).notes == []


@pytest.mark.parametrize(
    ("output", "told"),
    [("{'scores': y, 'result': Result(y)}", "output result is a Result"), ("Result(y)", "output itself is a Result")],
)
def test_tensors_inside_an_object_are_refused(tmp_path, output, told):
    write(
        tmp_path,
        f"""
        class Result:
            def __init__(self, boxes):
                self.boxes = boxes
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.head = nn.Linear(12, 10)
            def forward(self, x):
                y = self.head(x)
                return {output}
        """,
    )
    with pytest.raises(ModelError, match=rf"models\.net: the model's {told}, in which no tensor can be found; wrap"):
        run(tmp_path, section(tmp_path))


def test_numbers_beside_tensors_are_named(tmp_path):
    write(
        tmp_path,
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.head = nn.Linear(12, 10)
            def forward(self, x):
                return {"scores": self.head(x), "temperature": 0.5, "none": None, "inner": [self.head(x), "words"]}
        """,
    )
    record = run(tmp_path, section(tmp_path))
    assert [output.name for output in record.outputs] == ["scores", "inner.0"]
    assert record.notes == ["outputs that are no tensors are not compared: temperature (float), inner.1 (str)"]


FORCES = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 1))
        def forward(self, x):
            with torch.enable_grad():
                x = x.detach().clone().requires_grad_(True)
                energy = self.net(x)
                (gradient,) = torch.autograd.grad(energy.sum(), x)
            return energy, -gradient
"""


def test_gradients_inside_forward_work_in_the_reference_and_in_eager(tmp_path):
    from bakeoff.backends import make_backend
    from bakeoff.backends.base import EngineSpec, InputInfo

    write(tmp_path, FORCES)
    record = run(tmp_path, section(tmp_path))
    assert any("computes gradients inside forward()" in note for note in record.notes)
    backend, out = make_backend({"kind": "eager"}), tmp_path / "out"
    out.mkdir()
    spec = EngineSpec("fp32", "cpu", 1, 1, 2, 2, [InputInfo("x", (12,), "float32")])
    built = backend.build(tmp_path / "reference", spec, out)
    backend.inspect(out, built, spec)
    assert built.layer_dtypes == {"float32": 6} or set(built.layer_dtypes) == {"float32"}
    session = backend.load(out, built.files, spec, 2)
    inputs, expected = (load_arrays(tmp_path / "reference" / f"{name}puts.npz") for name in ("in", "out"))
    for _ in range(2):
        session.prepare([inputs["x"][:2]])
        for _ in range(2):
            session.run()
        for array, wanted in zip(session.outputs(), expected.values(), strict=True):
            np.testing.assert_allclose(array, wanted[:2], rtol=1e-5, atol=1e-6)


def test_what_fails_either_way_is_told_as_it_was(tmp_path):
    write(tmp_path, "class Net(nn.Module):\n    def forward(self, x):\n        raise ValueError('no such luck')\n")
    with pytest.raises(ModelError, match="ValueError: no such luck"):
        run(tmp_path, section(tmp_path))


def test_lazy_layers_are_initialised_by_one_call_under_the_seed(tmp_path):
    write(
        tmp_path,
        """
        def make():
            return nn.Sequential(nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
        """,
    )
    made = section(tmp_path, "make", {"x": {"shape": [3, 8, 8]}})
    states = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        assert run(folder, made).parameters == 8 * 27 + 8 + 16 + 8 * 36 * 10 + 10
        states.append(load_reference_model(folder / "reference", made, "net").state_dict())
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key


def test_a_scripted_module_is_refused_with_what_to_do(tmp_path):
    write(tmp_path, "def make():\n    return torch.jit.script(nn.Linear(12, 10))\n")
    with pytest.raises(ModelError, match=r"returned a scripted module.*source: torchscript"):
        run(tmp_path, section(tmp_path, "make"))


def test_a_compiled_module_is_taken_for_what_is_inside(tmp_path):
    write(tmp_path, "def make():\n    return torch.compile(nn.Linear(12, 10))\n")
    record = run(tmp_path, section(tmp_path, "make"))
    assert any("torch.compile'd" in note for note in record.notes)
    loaded = load_reference_model(tmp_path / "reference", section(tmp_path, "make"), "net")
    assert type(loaded) is nn.Linear


NAMES = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(12, 10)
        def forward(self, x):
            y = torch.relu(self.head(x))
            return {"softmax": torch.softmax(y, 1).flip(1), "relu": y * 2, "head.weight": y + 1}
"""


@pytest.mark.parametrize("name", ["x", "linear", "head.bias", "add"])
@pytest.mark.filterwarnings("ignore")
def test_names_of_the_users_never_meet_those_inside_a_graph(tmp_path, name):
    import onnxruntime

    write(tmp_path, NAMES)
    made = section(tmp_path, inputs={name: {"shape": [12]}})
    run(tmp_path, made)
    job = {"target": {"study": "s", "model": "net", "precision": "fp32"}, "format": "onnx", "precision": "fp32",
           "batch_size": None, "batch_max": 4, "label": "net", "model": made, "reference": str(tmp_path / "reference"),
           "out": str(tmp_path / "onnx"), "threads": 1}  # fmt: skip
    export.run(job)
    onnx.checker.check_model(onnx.load(tmp_path / "onnx" / "model.onnx"), full_check=True)
    session = onnxruntime.InferenceSession(str(tmp_path / "onnx" / "model.onnx"), providers=["CPUExecutionProvider"])
    inputs, expected = (load_arrays(tmp_path / "reference" / f"{what}puts.npz") for what in ("in", "out"))
    for got, wanted in zip(session.run(None, {name: inputs[name][:3]}), expected.values(), strict=True):
        np.testing.assert_allclose(got, wanted[:3], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [[], [7], [3, 8, 8]])
@pytest.mark.parametrize(("low", "high"), [(1, 2), (0.25, 0.5), (0, 255), (-3, -1)])
def test_limits_hold_for_floating_inputs(shape, low, high):
    spec = InputSpec(shape=shape, low=low, high=high)
    values = seeded_inputs({"x": spec}, 64, 0)["x"]
    assert values.dtype == np.float32
    assert low <= values.min() <= low + (high - low) / 4
    assert high - (high - low) / 4 <= values.max() < high


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"low": 1}, "both low and high"),
        ({"low": 2, "high": 2}, "must be greater"),
        ({"low": 0, "high": float("inf")}, "finite"),
        ({"dtype": "int64", "low": 0.5}, "whole numbers"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits, told):
    with pytest.raises(ValueError, match=told):
        InputSpec(shape=[2], **limits)


def test_a_library_of_operators_is_imported_when_a_file_needs_it(monkeypatch):
    imported = []
    monkeypatch.setattr("importlib.import_module", imported.append)

    def load():
        if not imported:
            raise RuntimeError("Unknown builtin op: torchvision::roi_align. Could not find any similar ops to it.")
        return "loaded"

    assert with_operators(load) == "loaded"
    assert imported == ["torchvision"]


@pytest.mark.parametrize("words", ["Unknown builtin op: nobodys::own", "aten::add failed", "no such file: os.path"])
def test_what_no_library_mends_is_raised_as_it_is(words):
    def load():
        raise RuntimeError(words)

    with pytest.raises(RuntimeError, match=words):
        with_operators(load)


def test_a_model_that_prints_gets_a_note(tmp_path):
    write(
        tmp_path,
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.head = nn.Linear(12, 10)
            def forward(self, x):
                print("shape", tuple(x.shape))
                return self.head(x)
        """,
    )
    (note,) = run(tmp_path, section(tmp_path)).notes
    assert note.startswith("it prints in forward() ('shape")


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_small_integers_are_drawn_from_all_their_values(dtype):
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    for shape in ([50], [3, 16, 16]):
        values = seeded_inputs({"x": InputSpec(shape=shape, dtype=dtype)}, 32, 0)["x"]
        assert values.dtype == np.dtype(dtype)
        assert values.min() < low + 30
        assert values.max() > high - 30
    with pytest.raises(ValueError, match="must lie between"):
        InputSpec(shape=[3], dtype=dtype, high=1000)


BYTES = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 10)
        def forward(self, image):
            x = (image.to(self.head.weight.dtype) / 255 - 0.45) / 0.25
            return self.head(torch.relu(self.conv(x)).mean((2, 3)))
"""


@pytest.mark.parametrize("kind", ["eager", "torchscript", "onnxruntime", "openvino"])
@pytest.mark.filterwarnings("ignore")
def test_images_as_bytes_with_the_preprocessing_inside(tmp_path, kind):
    from bakeoff.backends import make_backend
    from bakeoff.backends.base import EngineSpec, InputInfo

    write(tmp_path, BYTES)
    made = section(tmp_path, inputs={"image": {"shape": [3, 16, 16], "dtype": "uint8"}})
    run(tmp_path, made)
    backend, source, out = make_backend({"kind": kind}), tmp_path / "reference", tmp_path / "out"
    format = backend.export_key("fp32").format
    if format != "eager":
        source = tmp_path / "export"
        export.run({"target": {"study": "s", "model": "net", "precision": "fp32"}, "format": format,
                    "precision": "fp32", "batch_size": None, "batch_max": 4, "label": "net", "model": made,
                    "reference": str(tmp_path / "reference"), "out": str(source), "threads": 1})  # fmt: skip
    out.mkdir()
    spec = EngineSpec("fp32", "cpu", 1, 1, 4, 4, [InputInfo("image", (3, 16, 16), "uint8")],
                      examples=tmp_path / "reference" / "inputs.npz")  # fmt: skip
    built = backend.build(source, spec, out)
    backend.inspect(out, built, spec)
    session = backend.load(out, built.files, spec, 3)
    inputs, expected = (load_arrays(tmp_path / "reference" / f"{what}puts.npz") for what in ("in", "out"))
    session.prepare([inputs["image"][:3]])
    session.run()
    np.testing.assert_allclose(session.outputs()[0], expected["out0"][:3], rtol=1e-3, atol=1e-4)


def test_outputs_are_flattened_as_before():
    tensor = torch.zeros(2, 3)
    assert [name for name, _ in flatten({"a": tensor, "b": (tensor, None), "c": 1.5})] == ["a", "b.0"]
