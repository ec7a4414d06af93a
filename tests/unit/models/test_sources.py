"""Models by name and from TorchScript files."""

import pytest
import torch

from bakeoff.core.errors import ModelError
from bakeoff.models.make import describe_weights, make_architecture, parse_model
from bakeoff.models.seeding import seeded
from bakeoff.models.sources import torchvision as from_torchvision
from bakeoff.models.spec import TimmModel, TorchscriptModel, TorchvisionModel


def test_unknown_names_get_the_nearest_match():
    with pytest.raises(
        ModelError, match=r"models\.a: torchvision knows no model 'resnet81'; did you mean 'resnet18'\?"
    ):
        make_architecture("a", TorchvisionModel(source="torchvision", name="resnet81"))
    with pytest.raises(ModelError, match=r"models\.resnet1: timm knows no model 'resnet1'; did you mean"):
        make_architecture("resnet1", TimmModel(source="timm"))


def test_arguments_that_the_library_refuses_are_named():
    for source in (
        TorchvisionModel(source="torchvision", args={"wdith": 1}),
        TimmModel(source="timm", args={"wdith": 1}),
    ):
        with pytest.raises(ModelError, match="wdith"):
            make_architecture("resnet18", source)
    with pytest.raises(ModelError, match=r"models\.resnet18\.args\.weights: weights are chosen by"):
        make_architecture("resnet18", TorchvisionModel(source="torchvision", args={"weights": None}))
    with pytest.raises(ModelError, match=r"args\.pretrained"):
        make_architecture("resnet18", TimmModel(source="timm", args={"pretrained": True}))


def test_random_weights_depend_on_the_seed_alone():
    def weights(seed):
        torch.rand(3)
        model = TorchvisionModel(source="torchvision", args={"num_classes": 3}, seed=seed)
        return make_architecture("squeezenet1_1", model).classifier[1].weight

    before = torch.random.get_rng_state()
    first = weights(1)
    assert torch.equal(first, weights(1))
    assert not torch.equal(first, weights(2))
    with seeded(9):
        torch.rand(2)
    torch.random.set_rng_state(before)
    expected = torch.rand(1)
    torch.random.set_rng_state(before)
    with seeded(9):
        torch.rand(2)
    assert torch.equal(torch.rand(1), expected)


def test_pretrained_without_a_network_says_so(monkeypatch):
    from torchvision.models._api import WeightsEnum

    def refuse(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr(WeightsEnum, "get_state_dict", refuse)
    model = TorchvisionModel(source="torchvision", weights="pretrained")
    with pytest.raises(
        ModelError, match=r"models\.squeezenet1_1\.weights: .*could not fetch .*not known.*weights: random"
    ):
        make_architecture("squeezenet1_1", model, fetch=True)


def test_a_pretrained_architecture_is_built_without_fetching(monkeypatch):
    from torchvision.models._api import WeightsEnum

    def refuse(*_, **__):
        raise AssertionError("must not be fetched")

    monkeypatch.setattr(WeightsEnum, "get_state_dict", refuse)
    load = torch.nn.Module.load_state_dict
    model = TorchvisionModel(source="torchvision", weights="pretrained")
    # what makes the pretrained one another network than the random one
    assert from_torchvision.make("googlenet", model, fetch=False).transform_input is True
    assert torch.nn.Module.load_state_dict is load


def test_torchscript_file(tmp_path):
    path = tmp_path / "net.ts"
    torch.jit.trace(torch.nn.Linear(2, 3), torch.zeros(1, 2)).save(path)
    section = {"source": "torchscript", "path": str(path), "inputs": {"x": {"shape": [2]}}}
    model = parse_model(section)
    assert make_architecture("t", model)(torch.zeros(4, 2)).shape == (4, 3)
    assert describe_weights(model).startswith(f"as in {path} (sha256 ")
    path.write_bytes(b"no archive")
    with pytest.raises(ModelError, match=r"models\.t\.path: torch\.jit\.load refuses"):
        make_architecture("t", TorchscriptModel.model_validate(section))
