"""Random weights are made such that outputs vary and rounding is not amplified."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from bakeoff.accuracy.metrics import compare
from bakeoff.models.conditioning import condition
from bakeoff.models.conditioning.branches import BRANCH_SCALE, scale_branches
from bakeoff.models.conditioning.few_bits import SCALE_BITS, WEIGHT_BITS, to_bits
from bakeoff.models.conditioning.kernels import smooth_kernels
from bakeoff.models.conditioning.scale import LARGEST_STD, limit_outputs
from bakeoff.models.forward import forward
from bakeoff.models.inputs import seeded_inputs
from bakeoff.models.outputs import flatten
from bakeoff.models.rounding import rounded_outputs
from bakeoff.models.sources.file.section import FileModel


def section(**inputs):
    """A config section with these inputs; image by default."""
    inputs = inputs or {"image": {"shape": [3, 16, 16]}}
    return FileModel.model_validate({"source": "file", "factory": "x.py:make", "inputs": inputs})


def check_outputs(module, model):
    """Outputs on the check inputs, which are not those that set the statistics."""
    return [t.numpy() for _, t in flatten(forward(module, "m", seeded_inputs(model.inputs, 32, 0)))]


def deep_net():
    """Ten BatchNorm layers as initialised: in eval mode its outputs hardly differ over inputs."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3, padding=1)]
    for _ in range(10):
        layers += [nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 20)).eval()


def test_outputs_get_unit_spread_over_inputs_and_classes():
    model, module = section(), deep_net()
    (before,) = check_outputs(module, model)
    assert before.std(0).mean() < 1e-3
    said = condition(module, "m", model)
    assert "10 BatchNorm layers" in said
    assert "33 standardised" in said
    (after,) = check_outputs(module, model)
    assert 0.5 < after.std(0).mean() < 2
    assert len(np.unique(after.argmax(1))) > 5
    assert not any(part.training for part in module.modules())
    assert {part.momentum for part in module.modules() if isinstance(part, nn.BatchNorm2d)} == {0.1}


def test_it_is_deterministic():
    model = section()
    one, two = deep_net(), deep_net()
    condition(one, "m", model)
    torch.rand(3)
    condition(two, "m", model)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))


@pytest.mark.parametrize("bias", [True, False])
def test_a_zero_head_is_filled(bias):
    module = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 20, bias=bias)).eval()
    nn.init.zeros_(module[2].weight)
    model = section(x={"shape": [6]})
    condition(module, "m", model)
    (outputs,) = check_outputs(module, model)
    assert 0.4 < outputs.std(0).mean() < 2.5
    assert len(np.unique(outputs.argmax(1))) > 5


def test_every_head_of_a_dict_is_found():
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.small, self.map = nn.Conv2d(3, 4, 3), nn.Linear(4, 5), nn.Conv2d(4, 2, 1)

        def forward(self, x):
            x = self.body(x)
            return {"map": self.map(x), "scores": 1e-3 * 0 + self.small(x.mean((2, 3)))}

    torch.manual_seed(1)
    module, model = Heads().eval(), section()
    nn.init.normal_(module.small.weight, std=1e-6)
    said = condition(module, "m", model)
    assert "map" in said
    assert "small" in said
    for array in check_outputs(module, model):
        assert 0.4 < array.std(0).mean() < 2.5


def test_what_comes_after_the_head_does_not_hide_it():
    module = nn.Sequential(nn.Conv2d(3, 20, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    model = section()
    assert "outputs of 0 standardised" in condition(module, "m", model)
    (outputs,) = check_outputs(module, model)
    assert outputs.std() > 0.01


def test_shared_and_computed_weights_and_models_without_layers_are_left_alone():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.head = nn.Embedding(9, 4), nn.Linear(4, 9, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, x):
            return self.head(self.embedding(x).mean(1))

    tokens = section(t={"shape": [5], "dtype": "int64", "high": 9})
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 3)))
    for module, model in (
        (Tied(), tokens),
        (normed, section(x={"shape": [6]})),
        (nn.ReLU(), section(x={"shape": [6]})),
    ):
        before = {key: value.clone() for key, value in module.state_dict().items()}
        assert condition(module.eval(), "m", model) == "parameters rounded to few bits"
        for key, value in module.state_dict().items():
            torch.testing.assert_close(value, before[key], rtol=2**-5, atol=0)


def test_transposed_convolutions_are_standardised_per_output_channel():
    torch.manual_seed(0)
    module, model = nn.Sequential(nn.ConvTranspose2d(3, 5, 2, stride=2)).eval(), section()
    condition(module, "m", model)
    (outputs,) = check_outputs(module, model)
    np.testing.assert_allclose(outputs.std((0, 2, 3)), 1, atol=0.35)


class Block(nn.Module):
    """A residual block; where it changes the number of channels, its shortcut has a normalization, too."""

    def __init__(self, inside, outside, late_shortcut=True, in_place=True):
        super().__init__()
        self.first, self.norm1 = nn.Conv2d(inside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside)
        self.second, self.norm2 = nn.Conv2d(outside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside)
        self.act = nn.ReLU(inplace=in_place)
        self.late_shortcut = late_shortcut
        self.shortcut = (
            nn.Sequential(nn.Conv2d(inside, outside, 1, bias=False), nn.BatchNorm2d(outside))
            if inside != outside
            else nn.Identity()
        )

    def forward(self, x):
        early = None if self.late_shortcut else self.shortcut(x)
        y = self.norm2(self.second(self.act(self.norm1(self.first(x)))))
        return self.act(y + (self.shortcut(x) if early is None else early))


class Linear(nn.Module):
    """A block of MobileNetV2: no activation after the sum, so what is added to is a normalization's output as well."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, 4 * channels, 1, bias=False),
            nn.BatchNorm2d(4 * channels),
            nn.ReLU6(inplace=True),
            nn.Conv2d(4 * channels, 4 * channels, 3, padding=1, groups=4 * channels, bias=False),
            nn.BatchNorm2d(4 * channels),
            nn.ReLU6(inplace=True),
            nn.Conv2d(4 * channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x):
        return x + self.body(x)


class Gated(Block):
    """A block with squeeze and excitation, whose gate is driven hard as libraries initialise it."""

    def __init__(self, inside, outside):
        super().__init__(inside, outside, in_place=False)
        self.squeeze, self.excite = nn.Conv2d(outside, 4, 1), nn.Conv2d(4, outside, 1)
        nn.init.normal_(self.excite.weight, std=2)

    def forward(self, x):
        y = self.act(self.norm1(self.first(x)))
        y = y * torch.sigmoid(self.excite(torch.relu(self.squeeze(y.mean((2, 3), keepdim=True)))))
        return self.act(self.norm2(self.second(y)) + self.shortcut(x))


class Dense(nn.Module):
    """Four layers whose outputs are put beside what they were given, normalized before each."""

    def __init__(self, channels):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(channels + 8 * i), nn.ReLU(), nn.Conv2d(channels + 8 * i, 8, 3, padding=1))
            for i in range(4)
        )

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


def network(kind):
    """A deep network of one kind of block, as initialised."""
    torch.manual_seed(0)
    stem, body = [nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()], []
    width = 16
    if kind == "residual":
        body = [Block(16, 16) for _ in range(6)] + [Block(16, 32)] + [Block(32, 32) for _ in range(6)]
        width = 32
    elif kind == "bottleneck":
        stem, body = stem[:2], [Linear(16) for _ in range(10)]
    elif kind == "gated":
        body = [Gated(16, 16) for _ in range(10)]
    elif kind == "dense":
        body, width = [Dense(16), nn.MaxPool2d(2), Dense(48)], 80
    elif kind == "chain":
        for _ in range(15):
            body += [nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()]
    elif kind == "unnormalized":
        stem = stem[:1] + stem[2:]
        for _ in range(12):
            convolution = nn.Conv2d(16, 16, 3, padding=1)
            nn.init.kaiming_normal_(convolution.weight)
            body += [convolution, nn.ReLU()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 20)]
    return nn.Sequential(*stem, *body, *head).eval()


IMAGE = {"image": {"shape": [3, 32, 32]}}


def rounding_db(module, model, dtype):
    """SQNR in dB that rounding alone leaves."""
    inputs = seeded_inputs(model.inputs, 16, 0)
    expected = [t.numpy() for _, t in flatten(forward(module, "m", inputs))]
    return compare(rounded_outputs(module, "m", inputs, dtype), expected).sqnr_db


@pytest.mark.parametrize("kind", ["residual", "bottleneck", "gated", "dense", "chain", "unnormalized"])
def test_rounding_is_not_amplified(kind):
    model, module = section(**IMAGE), network(kind)
    condition(module, "m", model)
    assert rounding_db(module, model, torch.float16) > 45
    assert rounding_db(module, model, torch.bfloat16) > 28
    (outputs,) = check_outputs(module, model)
    assert 0.5 < outputs.std(0).mean() < 2
    assert len(np.unique(outputs.argmax(1))) > 5


@pytest.mark.parametrize(
    ("kind", "fails"),
    [
        ("residual", True),
        ("bottleneck", False),
        ("gated", False),
        ("dense", False),
        ("chain", True),
        ("unnormalized", True),
    ],
)
def test_statistics_and_a_standardised_head_alone_leave_it_amplified(kind, fails, monkeypatch):
    """What was done before; the other steps are what makes the difference."""
    model, module = section(**IMAGE), network(kind)
    condition(module, "m", model)
    for step in ("smooth_kernels", "scale_branches", "limit_outputs", "round_parameters"):
        monkeypatch.setattr(f"bakeoff.models.conditioning.{step}", lambda *_: 0)
    monkeypatch.setattr("bakeoff.models.conditioning.batch_norm.to_bits", lambda values, _: values)
    before = network(kind)
    condition(before, "m", model)
    assert rounding_db(before, model, torch.bfloat16) < rounding_db(module, model, torch.bfloat16) - 7
    assert (rounding_db(before, model, torch.bfloat16) < 28) is fails


@pytest.mark.parametrize(("late", "in_place"), [(True, True), (True, False), (False, True)])
def test_branches_are_told_from_shortcuts(late, in_place):
    torch.manual_seed(0)
    module = nn.Sequential(Block(3, 3, late, in_place), Block(3, 8, late, in_place), Block(8, 8, late, in_place)).eval()
    assert scale_branches(module, "m", seeded_inputs(section().inputs, 2, 0)) == 2
    assert [block.norm2.weight[0].item() for block in module] == [BRANCH_SCALE, 1, BRANCH_SCALE]
    assert all(block.norm1.weight[0].item() == 1 for block in module)


def test_a_branch_whose_start_is_itself_a_normalization_is_found():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), Linear(4), Linear(4)).eval()
    assert scale_branches(module, "m", seeded_inputs(section().inputs, 2, 0)) == 2
    assert module[1].weight[0].item() == 1
    assert [block.body[7].weight[0].item() for block in module[2:]] == [BRANCH_SCALE] * 2


def test_smooth_kernels_pass_means_and_keep_their_norm():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 4, 1))
    before = copy.deepcopy(module.state_dict())
    assert smooth_kernels(module) == 1
    kernels, were = module[0].weight, before["0.weight"]
    torch.testing.assert_close(kernels.norm(), were.norm())
    gains, past = (kernel.sum((1, 2, 3)).abs() / kernel.flatten(1).norm(dim=1) for kernel in (kernels, were))
    assert past.min() < 0.4
    assert gains.min() > 1.5
    assert torch.equal(module[1].weight, before["1.weight"])


def test_large_outputs_are_scaled_by_powers_of_two_once():
    torch.manual_seed(0)
    shared = nn.Linear(6, 6)
    module = nn.Sequential(nn.Linear(6, 6), shared, nn.Tanh(), shared, nn.Linear(6, 3)).eval()
    nn.init.normal_(module[0].weight, std=40)
    before = copy.deepcopy(module.state_dict())
    inputs = seeded_inputs(section(x={"shape": [6]}).inputs, 8, 0)
    assert limit_outputs(module, "m", inputs) >= 1
    assert float(module[0](torch.from_numpy(inputs["x"])).std()) <= 1.1 * LARGEST_STD
    for name, value in module.state_dict().items():
        ratio = before[name] / value
        assert float(ratio.std()) == 0
        assert float(torch.log2(ratio.flatten()[0])) % 1 == 0


def test_a_folded_normalization_is_exact_in_bf16():
    model, module = section(**IMAGE), network("chain")
    condition(module, "m", model)
    for convolution, norm in zip(module, list(module)[1:], strict=False):
        if isinstance(norm, nn.BatchNorm2d) and isinstance(convolution, nn.Conv2d):
            factor = norm.weight / norm.running_var.sqrt()
            folded = convolution.weight * factor[:, None, None, None]
            assert torch.equal(folded.bfloat16().float(), folded)


def test_numbers_of_few_bits_are_the_nearest():
    values = torch.tensor([0.0, 1.0, -1.3, 3.14159, 1e-30, -7e8])
    near = to_bits(values, SCALE_BITS)
    assert near[:4].tolist() == [0, 1, -1.25, 3]
    torch.testing.assert_close(to_bits(values, WEIGHT_BITS), values, rtol=2**-WEIGHT_BITS, atol=0)
    assert torch.equal(to_bits(near, SCALE_BITS), near)
