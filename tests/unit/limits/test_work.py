"""The work of small models, against sums done by hand; a multiply-add is two operations."""

import numpy as np
import pytest
import torch
from tests.models import tiny
from torch import nn

from bakeoff.limits.work import count_work


def work(module, **arrays):
    return count_work(module.eval().requires_grad_(False), arrays, "cpu")


def zeros(*shape, dtype="float32"):
    return np.zeros(shape, dtype)


CONVNET = 2 * (8 * 8 * 8 * 3 * 9 + 4 * 4 * 16 * 8 * 9 + 16 * 10)
"""Two convolutions of stride 2 on 16 × 16, and the head."""


def test_convolutions_and_matrix_products():
    found = work(tiny.convnet(), image=zeros(5, 3, 16, 16))
    assert found.flops_per_item == CONVNET
    assert found.weight_elements == 8 * 27 + 2 * 8 + 16 * 72 + 2 * 16 + 160 + 10  # statistics of BatchNorm fold away
    assert (found.input_elements, found.output_elements) == (3 * 16 * 16, 10)
    assert (found.table_elements, found.integer_bytes, found.notes) == (0, 0, [])


@pytest.mark.parametrize("n", [1, 2, 7])
def test_work_is_per_item(n):
    assert work(tiny.convnet(), image=zeros(n, 3, 16, 16)).flops_per_item == CONVNET


def test_two_inputs_and_a_dict_of_outputs():
    found = work(tiny.two_inputs(), left=zeros(3, 12), right=zeros(3, 8))
    assert found.flops_per_item == 2 * (12 * 16 + 8 * 16 + 16 * 10)
    assert found.input_elements == 20
    found = work(tiny.named(), x=zeros(3, 12))
    assert found.flops_per_item == 2 * (12 * 16 + 16 * 10 + 16 * 4)
    assert found.output_elements == 14


def test_attention_is_counted_and_of_a_table_only_the_rows_looked_up():
    found = work(tiny.tokens(), tokens=zeros(4, 6, dtype="int64"))
    products = 6 * 16 * 48 + 6 * 16 * 16 + 16 * 12
    attention = 2 * 6 * 6 * 16  # scores and weighted values
    assert found.flops_per_item == 2 * (products + attention)
    assert found.weight_elements == 48 * 16 + 48 + 16 * 16 + 16 + 2 * 16 + 16 * 12 + 12
    assert found.table_elements == 6 * 16
    assert (found.input_elements, found.integer_bytes) == (0, 6 * 8)


def test_a_table_that_is_also_a_weight_is_read_whole():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(50, 8)

        def forward(self, tokens):
            return self.table(tokens).mean(1) @ self.table.weight.T

    assert work(Tied(), tokens=zeros(2, 3, dtype="int64")).weight_elements == 400


@pytest.mark.parametrize(("layer", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_recurrent_layers_are_counted(layer, gates):
    found = work(layer(16, 32, batch_first=True), x=zeros(2, 5, 16))
    assert found.flops_per_item == 2 * 5 * gates * (16 * 32 + 32 * 32)


def test_a_head_that_eval_mode_does_not_use_is_not_read():
    class Auxiliary(nn.Module):
        def __init__(self):
            super().__init__()
            self.main, self.other = nn.Linear(4, 3), nn.Linear(4, 1000)

        def forward(self, x):
            return (self.main(x), self.other(x)) if self.training else self.main(x)

    assert work(Auxiliary(), x=zeros(2, 4)).weight_elements == 15


@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
def test_torchscript():
    module = tiny.convnet().eval().requires_grad_(False)
    traced = torch.jit.trace(module, torch.zeros(2, 3, 16, 16))
    assert work(traced, image=zeros(2, 3, 16, 16)) == work(module, image=zeros(2, 3, 16, 16))
    frozen = count_work(torch.jit.freeze(traced), {"image": zeros(2, 3, 16, 16)}, "cpu")
    assert not list(torch.jit.freeze(traced).parameters())
    assert frozen.flops_per_item == CONVNET
    assert frozen.weight_elements >= 8 * 27 + 16 * 72 + 160 + 10


def test_an_operator_without_a_formula_is_named():
    class Vector(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4))

        def forward(self, x):
            return x @ self.weight

    found = work(Vector(), x=zeros(2, 4))
    assert found.flops_per_item is None
    assert found.weight_elements == 4
    assert found.notes == ["the operations are unknown, since there is no formula for aten::mv"]


def test_a_model_that_cannot_be_watched_gets_a_note():
    class Sulky(nn.Module):
        def forward(self, x):
            if torch.utils._python_dispatch._get_current_dispatch_mode() is not None:
                raise RuntimeError("do not look\nat me")
            return x

    assert work(Sulky(), x=zeros(2, 4)).notes == ["the work could not be counted: RuntimeError: do not look"]


def test_switches_are_as_they_were():
    def switches():
        backends = torch.backends
        return backends.mkldnn.enabled, backends.cudnn.enabled, backends.mha.get_fastpath_enabled()

    before = switches()
    work(nn.LSTM(4, 4), x=zeros(2, 5, 4))
    assert switches() == before
