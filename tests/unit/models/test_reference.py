"""The reference job: what it leaves, and what it refuses to be judged by."""

import numpy as np
import pytest
import torch

from bakeoff.artifacts.io import check_digests
from bakeoff.core.errors import ModelError, UselessReferenceError
from bakeoff.jobs import reference
from bakeoff.models.arrays import load_arrays, save_arrays
from bakeoff.models.data.listing import state_of_data
from bakeoff.models.data.settings import Data
from bakeoff.models.inputs import seeded_inputs
from bakeoff.models.load import load_model, load_reference_model
from bakeoff.models.outputs import flatten
from bakeoff.models.sources import source_of
from bakeoff.models.spec import InputSpec


def run(out, section, n_inputs=10, **data):
    """Run the job; `data`: where real inputs come from."""
    state = state_of_data(Data(**data), "accuracy.data") if data else None
    return reference.run(
        {
            "target": {"study": "s", "model": "net"},
            "label": "net",
            "model": section,
            "data": {"n_inputs": n_inputs, "section": data or None, "state": state},
            "threads": 1,
            "device": "cpu",
            "out": str(out),
        }
    )


def tiny(root, function, inputs, **keys):
    """A model of tests/models/tiny.py."""
    factory = f"{root / 'tests' / 'models' / 'tiny.py'}:{function}"
    return {"source": "file", "factory": factory, "inputs": inputs, **keys}


def own(tmp_path, text, inputs=None, **keys):
    """A model whose forward is this text."""
    path = tmp_path / "own.py"
    path.write_text(
        "import torch\nclass Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.head = torch.nn.Linear(4, 3)\n    def forward(self, x):\n        {text}\n"
    )
    return {"source": "file", "factory": f"{path}:Net", "inputs": inputs or {"x": {"shape": [4]}}, **keys}


IMAGE = {"image": {"shape": [3, 16, 16]}}


def test_what_it_leaves(root, tmp_path):
    section = tiny(root, "convnet", IMAGE, args={"classes": 7})
    record = run(tmp_path, section)
    check_digests(tmp_path, record.files)
    assert list(record.files) == ["model.json", "state.pt", "inputs.npz", "outputs.npz"]
    assert (record.real_weights, record.n_inputs, record.weights) == (False, 10, "random, seed 0")
    assert record.parameters == sum(p.numel() for p in load_reference_model(tmp_path, section, "net").parameters())
    assert record.parameter_bytes == 4 * record.parameters
    assert "2 BatchNorm layers" in record.statistics
    (output,) = record.outputs
    assert (output.name, output.shape, output.dtype) == ("out0", [7], "float32")
    assert 0.3 < output.std < 3
    assert output.top1_classes > 1
    inputs = load_arrays(tmp_path / "inputs.npz")
    np.testing.assert_array_equal(
        inputs["image"], seeded_inputs({"image": InputSpec(shape=[3, 16, 16])}, 10, 0)["image"]
    )


def test_the_model_loads_as_it_was_saved(root, tmp_path):
    section = tiny(root, "convnet", IMAGE)
    run(tmp_path, section)
    arrays, expected = load_arrays(tmp_path / "inputs.npz"), load_arrays(tmp_path / "outputs.npz")["out0"]
    for module in (
        load_reference_model(tmp_path, section, "net"),
        load_model(tmp_path / "model.json", tmp_path / "state.pt"),
    ):
        assert not module.training
        with torch.inference_mode():
            np.testing.assert_allclose(
                module(torch.from_numpy(arrays["image"])).numpy(), expected, rtol=1e-5, atol=1e-6
            )


def test_a_changed_model_does_not_take_the_saved_weights(root, tmp_path):
    run(tmp_path, tiny(root, "convnet", IMAGE))
    with pytest.raises(ModelError, match=r"does not take the weights saved in .*delete .* and run the study again"):
        load_reference_model(tmp_path, tiny(root, "convnet", IMAGE, args={"width": 4}), "net")


@pytest.mark.parametrize(
    ("function", "inputs", "names"),
    [
        ("two_inputs", {"left": {"shape": [12]}, "right": {"shape": [8]}}, ["out0"]),
        ("tokens", {"tokens": {"shape": [6], "dtype": "int64", "high": 100}}, ["out0"]),
        ("pair", {"x": {"shape": [12]}}, ["out0", "out1"]),
        ("named", {"x": {"shape": [12]}}, ["scores", "box"]),
    ],
)
def test_inputs_and_outputs_of_every_kind(root, tmp_path, function, inputs, names):
    record = run(tmp_path, tiny(root, function, inputs))
    assert [output.name for output in record.outputs] == names
    assert list(load_arrays(tmp_path / "outputs.npz")) == names
    assert list(load_arrays(tmp_path / "inputs.npz")) == list(inputs)
    assert all(output.std > 0.1 for output in record.outputs)


def test_factory_weights_are_kept(root, tmp_path):
    section = tiny(root, "convnet", IMAGE, weights="factory")
    record = run(tmp_path, section)
    assert record.real_weights
    assert record.statistics is None
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert torch.equal(state["features.1.running_mean"], torch.zeros(8))


def test_a_checkpoint_is_used(root, tmp_path):
    torch.manual_seed(5)
    run(tmp_path / "first", tiny(root, "pair", {"x": {"shape": [12]}}))
    section = tiny(root, "pair", {"x": {"shape": [12]}}, weights=str(tmp_path / "first" / "state.pt"), seed=3)
    record = run(tmp_path / "second", section)
    assert "state.pt (sha256 " in record.weights
    one, two = (torch.load(tmp_path / f / "state.pt", weights_only=True) for f in ("first", "second"))
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_the_record_says_how_a_checkpoint_was_made_to_fit(root, tmp_path):
    section = tiny(root, "pair", {"x": {"shape": [12]}})
    state = source_of("net", section).make_model().state_dict()
    half = {f"module.net.{key}": value.half() for key, value in state.items()}
    torch.save({"epoch": 3, "ema": {**half, "decay": 0.9}}, tmp_path / "c.pt")
    section["weights"] = str(tmp_path / "c.pt")
    before = source_of("net", section).describe_weights()
    record = run(tmp_path / "out", section)
    assert record.weights == (
        f"{before}; its key 'ema'; prefix 'module.net.' taken off; ignored, being no tensors: decay (float); "
        f"converted from fp16 to fp32: {len(state)} of {len(state)} tensors"
    )
    assert "sha256" in before


def test_shapes_that_forward_refuses(root, tmp_path):
    with pytest.raises(
        ModelError, match=r"models\.net\.inputs: .*refuses left float32\[\d, 12\], right float32\[\d, 9\]"
    ):
        run(tmp_path, tiny(root, "two_inputs", {"left": {"shape": [12]}, "right": {"shape": [9]}}))
    with pytest.raises(ModelError, match=r"models\.net\.inputs: .*missing 1 required positional argument"):
        run(tmp_path, tiny(root, "two_inputs", {"left": {"shape": [12]}}))
    assert not (tmp_path / "outputs.npz").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("return self.head(x) * float('nan')", "output out0 of eager fp32 has 30 NaN or infinite values of 30"),
        ("return torch.ones(len(x), 3)", "output out0 of eager fp32 is the same for every input"),
        ("return torch.ones(len(x), 3) + 1e-7 * x[:, :1]", "is the same for every input"),
        ("return {'y': self.head(x), 'c': x[:, :2] * 0}", "output c of eager fp32 is the same"),
    ],
)
def test_outputs_that_judge_nothing(tmp_path, text, told):
    with pytest.raises(UselessReferenceError, match=told):
        run(tmp_path / "out", own(tmp_path, text))


def test_real_weights_may_have_a_constant_output_beside_one_that_varies(tmp_path):
    text = "return {'y': self.head(x), 'anchors': torch.ones(len(x), 2)}"
    record = run(tmp_path / "out", own(tmp_path, text, weights="factory"))
    assert [output.std > 0 for output in record.outputs] == [True, False]
    with pytest.raises(UselessReferenceError):
        run(tmp_path / "out", own(tmp_path, "return torch.ones(len(x), 2)", weights="factory"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("return self.head(x).mean()", r"output out0 has shape \[\] for a batch of 8"),
        ("return self.head(x).sum(0)", r"output out0 has shape \[3\] for a batch of 8"),
        ("return None", "must return a tensor"),
    ],
)
def test_outputs_without_a_batch(tmp_path, text, told):
    with pytest.raises(ModelError, match=told):
        run(tmp_path / "out", own(tmp_path, text, weights="factory"))


def test_library_model_and_torchscript_source_agree(tmp_path):
    section = {
        "source": "torchvision",
        "name": "squeezenet1_1",
        "args": {"num_classes": 11},
        "inputs": {"image": {"shape": [3, 32, 32]}},
    }
    record = run(tmp_path / "a", section, 6)
    assert record.description == "torchvision squeezenet1_1"
    module = load_reference_model(tmp_path / "a", section, "net")
    torch.jit.trace(module, torch.zeros(2, 3, 32, 32)).save(tmp_path / "s.ts")
    given = {"source": "torchscript", "path": str(tmp_path / "s.ts"), "inputs": section["inputs"]}
    record = run(tmp_path / "b", given, 6)
    assert record.real_weights
    assert "module.ts" in record.files
    one, two = (load_arrays(tmp_path / f / "outputs.npz")["out0"] for f in "ab")
    np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
    loaded = load_reference_model(tmp_path / "b", given, "net")
    assert flatten(loaded(torch.zeros(1, 3, 32, 32)))[0][1].shape == (1, 11)


def test_arrays_keep_any_name_and_order(tmp_path):
    arrays = {"file": np.ones(2), "a.npy": np.zeros((0, 3)), "B-1": np.array([[True]])}
    save_arrays(tmp_path / "x.npz", arrays)
    loaded = load_arrays(tmp_path / "x.npz")
    assert list(loaded) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)


def test_weights_that_photographs_judge_are_conditioned_on_photographs(tmp_path, monkeypatch):
    """With statistics of seeded inputs alone, which is what was done before, rounding is amplified to 15 dB."""
    pytest.importorskip("skimage")
    section = {"source": "timm", "name": "efficientnet_b0", "inputs": {"image": {"shape": [3, 64, 64]}}}

    def rounding_db(folder):
        record = run(tmp_path / folder, section, None, shipped="pictures")
        return -20 * np.log10(record.rounding["fp16"][0].relative_l2), record.statistics

    after, said = rounding_db("after")
    assert after > 30
    assert "batches of 8 real and seeded inputs" in said
    monkeypatch.setattr(reference, "_inputs_beside", lambda *_: None)
    before, said = rounding_db("before")
    assert before < 20
    assert "batches of 8 seeded inputs" in said


def test_where_all_real_inputs_judge_weights_are_conditioned_on_seeded_ones(tmp_path, capfd):
    np.savez(tmp_path / "three.npz", x=np.random.default_rng(0).standard_normal((3, 4), dtype=np.float32))
    record = run(tmp_path / "out", own(tmp_path, "return self.head(x)"), None, arrays=str(tmp_path / "three.npz"))
    assert record.n_inputs == 3
    assert "seeded inputs alone" in capfd.readouterr().err
