"""Rounding, simulated: as eager execution at the precision, and nothing of the model is changed by it."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from bakeoff.core import torch_private
from bakeoff.core.private_parts import MissingPrivatePart
from bakeoff.models.rounding import rounded_outputs


class Net(nn.Module):
    """With what a simulation gets wrong easily: in-place operators, views that are written through, integers."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 5)

    def forward(self, image):
        x = self.body(image).flatten(2).transpose(1, 2)
        mask = torch.zeros(x.shape[1], dtype=x.dtype)
        mask[: x.shape[1] // 2] = 1
        mask[3:5] += 2
        x = x * mask[:, None]
        x += self.attention(x, x, x)[0]
        return self.head(x.mean(1)), x.argmax(1)


@pytest.fixture
def net():
    torch.manual_seed(0)
    module = Net().eval()
    module.body[1].running_mean.normal_()
    return module


def image(n=4):
    return {"image": np.random.default_rng(0).standard_normal((n, 3, 12, 12), dtype=np.float32)}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_it_is_as_large_as_eager_execution_s(net, dtype):
    with torch.no_grad():
        exact = net(torch.from_numpy(image()["image"]))
        real = copy.deepcopy(net).to(dtype)(torch.from_numpy(image()["image"]).to(dtype))
    simulated = rounded_outputs(net, "m", image(), dtype)
    error, simulated_error = (
        float((torch.as_tensor(scores).float() - exact[0]).norm() / exact[0].norm())
        for scores in (real[0], simulated[0])
    )
    assert 0.5 < simulated_error / error < 2
    assert simulated[1].dtype == np.int64


def test_without_rounding_it_is_the_model_itself(net):
    with torch.no_grad():
        exact = net(torch.from_numpy(image()["image"]))
    simulated = rounded_outputs(net, "m", image(), torch.float32)
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(simulated, exact, strict=True))


def test_the_weights_are_left_as_they_were(net):
    before = copy.deepcopy(net.state_dict())
    rounded_outputs(net, "m", image(), torch.bfloat16)
    with pytest.raises(Exception, match="refuses"):
        rounded_outputs(net, "m", {"image": np.zeros((1, 4, 2, 2), np.float32)}, torch.bfloat16)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_what_overflows_is_infinite_as_in_fp16(net):
    (scores, _) = rounded_outputs(net, "m", {"image": image()["image"] * 1e5}, torch.float16)
    assert not np.isfinite(scores).all()


def test_without_the_private_part_it_is_refused(net, monkeypatch):
    monkeypatch.setattr(torch_private, "DISPATCH_MODE", torch_private.PrivatePart("torch", "no.such", "so"))
    with pytest.raises(MissingPrivatePart):
        rounded_outputs(net, "m", image(), torch.float16)
