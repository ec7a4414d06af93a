"""Models by name and from TorchScript files."""

from contextlib import contextmanager

import pytest
import torch

from bakeoff.core.errors import ModelError
from bakeoff.models.seeding import seeded
from bakeoff.models.sources import source_of
from bakeoff.models.sources import torchvision as from_torchvision


def make_architecture(label, fetch=False, **section):
    """The architecture of the model that this config section describes."""
    return source_of(label, section).make_architecture(fetch)


def test_unknown_names_get_the_nearest_match():
    with pytest.raises(
        ModelError, match=r"models\.a\.name: torchvision knows no model 'resnet81'; did you mean 'resnet18'\?"
    ):
        make_architecture("a", source="torchvision", name="resnet81")
    with pytest.raises(
        ModelError, match=r"models\.resnet1: timm knows no model 'resnet1' \(the label, .*; did you mean"
    ):
        make_architecture("resnet1", source="timm")


def test_arguments_that_the_library_refuses_are_named():
    for source in ("torchvision", "timm"):
        with pytest.raises(ModelError, match="wdith"):
            make_architecture("resnet18", source=source, args={"wdith": 1})
    with pytest.raises(ModelError, match=r"models\.resnet18\.args\.weights: weights are chosen by"):
        make_architecture("resnet18", source="torchvision", args={"weights": None})
    with pytest.raises(ModelError, match=r"args\.pretrained"):
        make_architecture("resnet18", source="timm", args={"pretrained": True})


def test_random_weights_depend_on_the_seed_alone():
    def weights(seed):
        torch.rand(3)
        made = make_architecture("squeezenet1_1", source="torchvision", args={"num_classes": 3}, seed=seed)
        return made.classifier[1].weight

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
    with pytest.raises(
        ModelError, match=r"models\.squeezenet1_1\.weights: .*could not fetch .*not known.*weights: random"
    ):
        make_architecture("squeezenet1_1", fetch=True, source="torchvision", weights="pretrained")


def test_a_pretrained_architecture_is_built_without_fetching(monkeypatch):
    from torchvision.models._api import WeightsEnum

    def refuse(*_, **__):
        raise AssertionError("must not be fetched")

    monkeypatch.setattr(WeightsEnum, "get_state_dict", refuse)
    load = torch.nn.Module.load_state_dict
    # what makes the pretrained one another network than the random one
    assert make_architecture("googlenet", source="torchvision", weights="pretrained").transform_input is True
    assert WeightsEnum.get_state_dict is refuse
    assert torch.nn.Module.load_state_dict is load


def test_the_replaced_parts_of_torchvision_still_take_effect(monkeypatch):
    """Building a pretrained model calls what is replaced, so replacing it is what keeps weights from being read."""
    calls = []
    replace = from_torchvision.weights_left_out

    @contextmanager
    def watched(name):
        with replace(name):
            weights, module = from_torchvision._weights_class(name), torch.nn.Module
            get, load = weights.get_state_dict, module.load_state_dict
            weights.get_state_dict = lambda *a, **k: calls.append("get_state_dict") or get(*a, **k)
            module.load_state_dict = lambda *a, **k: calls.append("load_state_dict") or load(*a, **k)
            yield

    monkeypatch.setattr(from_torchvision, "weights_left_out", watched)
    # resnet18 has weights of its own, deeplabv3 those of its backbone besides
    for name in ("resnet18", "deeplabv3_mobilenet_v3_large"):
        calls.clear()
        make_architecture(name, source="torchvision", weights="pretrained")
        assert calls == ["get_state_dict", "load_state_dict"]


def test_a_torchvision_without_the_replaced_part_reads_the_weights(monkeypatch, capsys):
    """Then the model is the same, and a note says what takes longer."""
    from torchvision.models._api import WeightsEnum

    weights = make_architecture("squeezenet1_1", source="torchvision", seed=5).state_dict()
    assert from_torchvision.can_leave_weights_out("squeezenet1_1")
    assert not capsys.readouterr().err
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: weights)
    monkeypatch.setattr(from_torchvision, "_weights_class", lambda _: None)
    made = make_architecture("squeezenet1_1", source="torchvision", weights="pretrained").state_dict()
    assert all(torch.equal(made[key], weights[key]) for key in weights)
    assert "'squeezenet1_1' is built with its pretrained weights" in capsys.readouterr().err


def test_a_missing_part_of_torchvision_is_told_plainly(monkeypatch, capsys):
    from torchvision.models._api import WeightsEnum

    monkeypatch.delattr(WeightsEnum, "get_state_dict")
    assert not from_torchvision.can_leave_weights_out("squeezenet1_1")
    assert "in another way than Bakeoff knows" in capsys.readouterr().err
    with pytest.raises(ModelError, match=r"models\.squeezenet1_1.*could not"):
        make_architecture("squeezenet1_1", source="torchvision", weights="pretrained")


def test_torchscript_file(tmp_path):
    path = tmp_path / "net.ts"
    torch.jit.trace(torch.nn.Linear(2, 3), torch.zeros(1, 2)).save(path)
    source = source_of("t", {"source": "torchscript", "path": str(path), "inputs": {"x": {"shape": [2]}}})
    assert source.make_architecture()(torch.zeros(4, 2)).shape == (4, 3)
    assert source.describe_weights().startswith(f"as in {path} (sha256 ")
    path.write_bytes(b"no archive")
    with pytest.raises(ModelError, match=r"models\.t\.path: torch\.jit\.load refuses"):
        source.make_architecture()
