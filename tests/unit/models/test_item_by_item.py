"""A model is a function of each item; one that is not is refused, and likely causes are named."""

import textwrap

import numpy as np
import pytest

from bakeoff.core.errors import ModelError
from bakeoff.jobs import reference
from bakeoff.models.arrays import load_arrays

VECTOR = {"x": {"shape": [12]}}


START = """
import torch
import torch.nn.functional as F
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
"""


def make(folder, body, forward):
    """A file with a module `Net`: the lines of its constructor, and those of its forward."""
    inside, called = (textwrap.indent(textwrap.dedent(lines), 8 * " ") for lines in (body, forward))
    (folder / "net.py").write_text(f"{START}{inside}\n    def forward(self, x):\n{called}\n")
    return f"{folder / 'net.py'}:Net"


def run(folder, factory, inputs=None, batch_size=None, n_inputs=20, **keys):
    """The reference job; `batch_size`: the study's, where it has one alone."""
    section = {"source": "file", "factory": factory, "inputs": inputs or VECTOR, **keys}
    job = {"target": {"study": "s", "model": "net"}, "label": "net", "model": section, "data": {"n_inputs": n_inputs},
           "batch_size": batch_size, "threads": 1, "device": "cpu", "out": str(folder / "out")}  # fmt: skip
    return reference.run(job)


HEAD = "self.head = nn.Linear(12, 10)\n"


@pytest.mark.parametrize("weights", ["random", "factory"])
def test_chance_is_told_with_the_operator_and_its_place(tmp_path, weights):
    factory = make(
        tmp_path,
        HEAD + "self.inner = nn.Sequential(nn.Linear(12, 12), Noisy())",
        "return self.head(self.inner(x))",
    )
    text = (tmp_path / "net.py").read_text()
    noisy = "class Noisy(nn.Module):\n    def forward(self, x):\n        return F.dropout(x, 0.3)\n"
    (tmp_path / "net.py").write_text(text.replace("class Net", f"{noisy}class Net"))
    with pytest.raises(
        ModelError, match=r"depends on chance: .* output out0 .*dropout in Net\.inner\.1; switch this off"
    ):
        run(tmp_path, factory, weights=weights)


def test_an_output_that_depends_on_chance_is_not_hidden_by_a_large_one(tmp_path):
    factory = make(
        tmp_path,
        HEAD,
        """
        boxes = 500 + 200 * torch.tanh(self.head(x))
        return {"boxes": boxes, "probabilities": torch.softmax(self.head(F.dropout(x, 0.3)), 1)}
        """,
    )
    with pytest.raises(ModelError, match=r"depends on chance: .* output probabilities"):
        run(tmp_path, factory)


@pytest.mark.parametrize("batch_size", [None, 8, 4])
def test_statistics_of_the_batch_are_told_whatever_the_batch_size(tmp_path, batch_size):
    """At the batch size that the reference was made with, every engine agreed with it."""
    factory = make(
        tmp_path, HEAD + "self.norm = nn.BatchNorm1d(12, track_running_stats=False)", "return self.head(self.norm(x))"
    )
    with pytest.raises(ModelError, match=r"depends on the other items of its batch: .*norm \(BatchNorm1d\) normalizes"):
        run(tmp_path, factory, batch_size=batch_size)


def test_a_recurrent_layer_that_takes_the_batch_for_time_is_named(tmp_path):
    factory = make(
        tmp_path, "self.lstm = nn.LSTM(12, 16)\nself.head = nn.Linear(16, 5)", "return self.head(self.lstm(x)[0])"
    )
    with pytest.raises(ModelError, match=r"other items of its batch: .*lstm \(LSTM\) has batch_first=False"):
        run(tmp_path, factory, {"x": {"shape": [7, 12]}})


def test_a_recurrent_layer_that_does_not_is_fine(tmp_path):
    factory = make(
        tmp_path,
        "self.lstm = nn.LSTM(12, 16, batch_first=True)\nself.head = nn.Linear(16, 5)",
        "return self.head(self.lstm(x)[0][:, -1])",
    )
    assert run(tmp_path, factory, {"x": {"shape": [7, 12]}}).status == "ok"


def test_a_mean_over_the_batch_is_told_without_a_layer_to_blame(tmp_path):
    factory = make(tmp_path, HEAD, "return self.head(x - x.mean(0))")
    with pytest.raises(ModelError, match=r"other items of its batch: .* an operation over the first dimension"):
        run(tmp_path, factory)


def test_earlier_calls_are_told_with_the_buffer(tmp_path):
    factory = make(
        tmp_path,
        HEAD + "self.register_buffer('seen', torch.zeros(12))",
        "self.seen.mul_(0.9).add_(0.1 * x.mean(0))\nreturn self.head(x - self.seen)",
    )
    with pytest.raises(
        ModelError, match=r"depends on earlier calls: .*; likely causes: seen, which forward\(\) changes"
    ):
        run(tmp_path, factory)


def test_a_count_of_calls_that_is_no_buffer_is_told_too(tmp_path):
    factory = make(tmp_path, HEAD + "self.calls = 0", "self.calls += 1\nreturn self.head(x) * (1 + 0.1 * self.calls)")
    with pytest.raises(ModelError, match=r"depends on earlier calls: .* an attribute that forward\(\) sets"):
        run(tmp_path, factory)


def test_integer_outputs_that_depend_on_chance_are_told(tmp_path):
    factory = make(tmp_path, HEAD, "y = self.head(x)\nreturn y, torch.randint(0, 9, (len(x), 4))")
    with pytest.raises(ModelError, match=r"depends on chance: .* output out1 .* of its elements"):
        run(tmp_path, factory)


def test_a_model_for_one_item_works_with_that_size_alone(tmp_path):
    factory = make(tmp_path, "self.conv = nn.Conv2d(3, 4, 3)\nself.head = nn.Linear(4 * 36, 10)",
                   "return self.head(torch.relu(self.conv(x)).view(1, 4 * 36))")  # fmt: skip
    inputs = {"x": {"shape": [3, 8, 8]}}
    record = run(tmp_path, factory, inputs, batch_size=1)
    assert record.n_inputs == 20
    assert load_arrays(tmp_path / "out" / "outputs.npz")["out0"].shape == (20, 10)
    assert record.work.flops_per_item > 0
    with pytest.raises(ModelError, match="the batch of 8 is Bakeoff's own choice"):
        run(tmp_path, factory, inputs)


def test_what_no_batch_size_mends_is_not_blamed_on_it(tmp_path):
    factory = make(tmp_path, HEAD, "return self.head(x[:, :5])")
    with pytest.raises(ModelError, match="forward refuses") as raised:
        run(tmp_path, factory)
    assert "own choice" not in str(raised.value)


def test_an_input_that_is_written_to_stays_what_it_was(tmp_path):
    factory = make(tmp_path, HEAD, "x.sub_(0.45).div_(0.25)\nreturn self.head(x)")
    record = run(tmp_path, factory)
    assert any("writes into its input x" in note for note in record.notes)
    other = tmp_path / "other"
    other.mkdir()
    run(other, make(other, HEAD, "return self.head(x)"))
    written, untouched = (load_arrays(folder / "out" / "inputs.npz")["x"] for folder in (tmp_path, other))
    np.testing.assert_array_equal(written, untouched)
    assert record.outputs[0].std > 0
