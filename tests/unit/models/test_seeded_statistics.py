"""Random weights that would make the check vacuous get statistics under which outputs vary."""

import numpy as np
import pytest
import torch
from torch import nn

from bakeoff.models.forward import forward
from bakeoff.models.inputs import seeded_inputs
from bakeoff.models.outputs import flatten
from bakeoff.models.sources.file.section import FileModel
from bakeoff.models.statistics import set_statistics


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
    said = set_statistics(module, "m", model)
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
    set_statistics(one, "m", model)
    torch.rand(3)
    set_statistics(two, "m", model)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))


@pytest.mark.parametrize("bias", [True, False])
def test_a_zero_head_is_filled(bias):
    module = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 20, bias=bias)).eval()
    nn.init.zeros_(module[2].weight)
    model = section(x={"shape": [6]})
    set_statistics(module, "m", model)
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
    said = set_statistics(module, "m", model)
    assert "map" in said
    assert "small" in said
    for array in check_outputs(module, model):
        assert 0.4 < array.std(0).mean() < 2.5


def test_what_comes_after_the_head_does_not_hide_it():
    module = nn.Sequential(nn.Conv2d(3, 20, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    model = section()
    assert "outputs of 0 standardised" in set_statistics(module, "m", model)
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
        assert set_statistics(module.eval(), "m", model).startswith("left as initialised")
        assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


def test_transposed_convolutions_are_standardised_per_output_channel():
    torch.manual_seed(0)
    module, model = nn.Sequential(nn.ConvTranspose2d(3, 5, 2, stride=2)).eval(), section()
    set_statistics(module, "m", model)
    (outputs,) = check_outputs(module, model)
    np.testing.assert_allclose(outputs.std((0, 2, 3)), 1, atol=0.35)
