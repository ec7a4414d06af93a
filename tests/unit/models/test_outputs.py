"""Outputs of every shape become one flat list of named tensors."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytest
import torch

from bakeoff.core.errors import ModelError
from bakeoff.models.outputs import flat_module, flatten, is_plain

Both = namedtuple("Both", "logits aux")


@dataclass
class Result:
    """An output as transformer libraries make them."""

    loss: torch.Tensor | None
    logits: torch.Tensor


A, B, C = torch.zeros(1), torch.ones(2), torch.ones(3)


@pytest.mark.parametrize(
    ("output", "names"),
    [
        (A, ["out0"]),
        ((A, B), ["out0", "out1"]),
        ([A, None, B], ["out0", "out2"]),
        ({"z": A, "a": B}, ["z", "a"]),
        (OrderedDict(out=A, aux=None), ["out"]),
        (Both(A, B), ["logits", "aux"]),
        (Result(None, A), ["logits"]),
        ((A, (B, {"k": C})), ["out0", "out1.0", "out1.1.k"]),
        ({"boxes": [A, B], "n": 3}, ["boxes.0", "boxes.1"]),
        ({"a/b": A, "a?b": B}, ["a_b", "a_b_1"]),
        ({0: A, "out0": B}, ["out0", "out0_1"]),
    ],
)
def test_names_and_order(output, names):
    assert [name for name, _ in flatten(output)] == names


def test_tensors_keep_their_place():
    assert [t.numel() for _, t in flatten({"z": C, "a": (A, B)})] == [3, 1, 2]


@pytest.mark.parametrize("output", [None, (), {}, 3.5, {"a": None}])
def test_no_tensor_is_an_error(output):
    with pytest.raises(ModelError, match="must return a tensor"):
        flatten(output)


@pytest.mark.parametrize(
    ("output", "plain"),
    [(A, True), ((A, B), True), ({"a": A}, True), ((A, None), False), (Result(None, A), False), ({"a": (A,)}, False)],
)
def test_what_exporters_understand(output, plain):
    assert is_plain(output) is plain


def test_flat_module_returns_the_flat_outputs():
    class Odd(torch.nn.Module):
        def forward(self, x):
            return Result(None, x + 1)

    (only,) = flat_module(Odd())(A)
    assert torch.equal(only, A + 1)
