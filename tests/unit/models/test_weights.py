"""Checkpoints: every usual wrapping is read, nothing in them is run, and what does not fit is named."""

import os
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from bakeoff.core.errors import ModelError
from bakeoff.models.weights import load_weights, read_checkpoint


def net():
    """Two layers, seeded apart from the checkpoint's."""
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


@pytest.fixture
def state():
    """A state dict of `net` that no new `net` has."""
    torch.manual_seed(7)
    return {key: torch.rand_like(value.float()).to(value.dtype) for key, value in net().state_dict().items()}


def load(path, module):
    """Read and load, as the jobs do."""
    load_weights(module, read_checkpoint(path, "models.m.weights"), "models.m.weights", path)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {"model": s},
        lambda s: {"model": {"state_dict": {f"module.{k}": v for k, v in s.items()}}},
        lambda s: {f"_orig_mod.module.{k}": v for k, v in s.items()},
        lambda s: {f"module._orig_mod.{k}": v for k, v in s.items()},
        lambda s: {k: v for k, v in s.items() if not k.endswith("num_batches_tracked")},
    ],
)
def test_wrappings(tmp_path, state, wrap):
    torch.save(wrap(state), tmp_path / "c.pt")
    module = net()
    load(tmp_path / "c.pt", module)
    assert torch.equal(module[0].weight, state["0.weight"])
    assert torch.equal(module[1].running_var, state["1.running_var"])


def test_safetensors(tmp_path, state):
    save_file(state, tmp_path / "c.safetensors")
    module = net()
    load(tmp_path / "c.safetensors", module)
    assert torch.equal(module[0].weight, state["0.weight"])
    (tmp_path / "bad.safetensors").write_bytes(b"{" * 40)
    with pytest.raises(ModelError, match=r"models\.m\.weights: .*bad\.safetensors is no safetensors file"):
        load(tmp_path / "bad.safetensors", net())


def test_a_model_whose_own_part_is_called_module_keeps_its_keys(tmp_path):
    class Wrapper(nn.Module):
        def __init__(self):
            super().__init__()
            self.module = nn.Linear(2, 2)

    saved, module = Wrapper(), Wrapper()
    torch.save(saved.state_dict(), tmp_path / "c.pt")
    load(tmp_path / "c.pt", module)
    assert torch.equal(module.module.weight, saved.module.weight)


def test_tied_weights_may_be_there_once(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.head = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
            self.head.weight = self.embedding.weight

    weight = torch.rand(5, 3)
    save_file({"embedding.weight": weight}, tmp_path / "c.safetensors")
    module = Tied()
    load(tmp_path / "c.safetensors", module)
    assert torch.equal(module.head.weight, weight)


def test_what_does_not_fit_is_named_up_to_three(tmp_path, state):
    wrong = {f"extra{i}": torch.zeros(1) for i in range(5)} | {k: v for k, v in state.items() if "running" not in k}
    wrong["0.weight"] = torch.zeros(4, 2)
    torch.save(wrong, tmp_path / "c.pt")
    with pytest.raises(ModelError) as caught:
        load(tmp_path / "c.pt", net())
    told = str(caught.value)
    assert "2 missing: 1.running_mean, 1.running_var;" in told
    assert "5 unexpected: extra0, extra1, extra2, ...;" in told
    assert "1 of another shape: 0.weight (checkpoint [4, 2], model [3, 2])" in told


class Malicious:
    """Unpickling it runs a command."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("save", [torch.save, lambda data, path: path.write_bytes(pickle.dumps(data))])
def test_a_malicious_checkpoint_is_refused_and_not_run(tmp_path, save):
    save({"state_dict": Malicious(tmp_path / "harm")}, tmp_path / "c.pt")
    with pytest.raises(ModelError, match=r"weights_only refused .*could run code"):
        load(tmp_path / "c.pt", net())
    assert not (tmp_path / "harm").exists()


def test_a_whole_pickled_module_is_refused(tmp_path):
    torch.save(net(), tmp_path / "c.pt")
    with pytest.raises(ModelError, match="weights_only refused"):
        load(tmp_path / "c.pt", net())


def test_files_that_are_no_checkpoint(tmp_path, state):
    with pytest.raises(ModelError, match="there is no file"):
        load(tmp_path / "none.pt", net())
    torch.save({"epoch": 3, "notes": "x"}, tmp_path / "c.pt")
    with pytest.raises(ModelError, match=r"holds no state dict .* but a dict with keys epoch, notes"):
        load(tmp_path / "c.pt", net())
    torch.save(state, tmp_path / "cut.pt")
    whole = (tmp_path / "cut.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"cut\.pt could not be read as a checkpoint"):
        load(tmp_path / "cut.pt", net())
    torch.jit.script(net()).save(tmp_path / "script.pt")
    with pytest.raises(ModelError, match="source: torchscript"):
        load(tmp_path / "script.pt", net())
