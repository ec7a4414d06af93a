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
    """Read and load, as the jobs do; returns what is said of it."""
    return load_weights(module, read_checkpoint(path, "models.m.weights"), "models.m.weights", path)


def under(prefix, state):
    """The state dict with a prefix on all its keys."""
    return {f"{prefix}{key}": value for key, value in state.items()}


@pytest.mark.parametrize(
    ("wrap", "said"),
    [
        (lambda s: s, []),
        (lambda s: {"state_dict": s, "epoch": 3}, ["its key 'state_dict'"]),
        (lambda s: {"model": s}, ["its key 'model'"]),
        (
            lambda s: {"model": {"state_dict": under("module.", s)}},
            ["its key 'state_dict' in 'model'", "prefix 'module.' taken off"],
        ),
        (lambda s: under("_orig_mod.module.", s), ["prefix '_orig_mod.module.' taken off"]),
        (lambda s: under("module._orig_mod.", s), ["prefix 'module._orig_mod.' taken off"]),
        (lambda s: under("net.", s), ["prefix 'net.' taken off"]),
        (lambda s: under("module.backbone.encoder.", s), ["prefix 'module.backbone.encoder.' taken off"]),
        (lambda s: {k: v for k, v in s.items() if not k.endswith("num_batches_tracked")}, []),
        (lambda s: {"a": {"b": {"c": {7: {"e": s}}}}}, ["its key 'e' in 7 in 'c' in 'b' in 'a'"]),
        (
            lambda s: {"epoch": 3, **under("net.", s), "optimizer": {"lr": 0.1}},
            ["prefix 'net.' taken off", "ignored, being no tensors: epoch (int), optimizer (dict)"],
        ),
    ],
)
def test_wrappings(tmp_path, state, wrap, said):
    torch.save(wrap(state), tmp_path / "c.pt")
    module = net()
    assert load(tmp_path / "c.pt", module) == said
    assert torch.equal(module[0].weight, state["0.weight"])
    assert torch.equal(module[1].running_var, state["1.running_var"])


def other(state):
    """Another state dict that fits `net`."""
    return {key: value + 1 for key, value in state.items()}


@pytest.mark.parametrize(
    ("wrap", "said"),
    [
        (lambda s: {"ema": other(s), "epoch": 3, "state_dict": s}, "its key 'state_dict'"),
        (lambda s: {"model": other(s), "state_dict": s}, "its key 'state_dict'"),
        (lambda s: {"ema": {"state_dict": other(s)}, "model_state_dict": s}, "its key 'model_state_dict'"),
        (lambda s: {**s, "ema": other(s)}, "ignored, being no tensors: ema (dict)"),
    ],
)
def test_of_several_that_fit_the_one_under_a_usual_name_is_taken(tmp_path, state, wrap, said):
    torch.save(wrap(state), tmp_path / "c.pt")
    module = net()
    notes = load(tmp_path / "c.pt", module)
    assert torch.equal(module[0].weight, state["0.weight"])
    assert notes[0] == said
    assert notes[1].startswith("not taken, though it fits: '")


def test_the_one_that_fits_goes_before_a_usual_name(tmp_path, state):
    head = {"weight": torch.zeros(9, 3), "bias": torch.zeros(9)}
    module = net()
    module(torch.zeros(2, 2)).sum().backward()
    optimizer = torch.optim.Adam(module.parameters())
    optimizer.step()  # so that it has a state, with tensors
    torch.save(
        {"state_dict": head, "teacher": under("net.", state), "optimizer": optimizer.state_dict()}, tmp_path / "c.pt"
    )
    assert load(tmp_path / "c.pt", module) == ["its key 'teacher'", "prefix 'net.' taken off"]
    assert torch.equal(module[0].weight, state["0.weight"])


def test_several_that_fit_under_unusual_names_are_ambiguous(tmp_path, state):
    torch.save({"student": state, "teacher": {"state_dict": other(state)}, "epoch": 3}, tmp_path / "c.pt")
    with pytest.raises(
        ModelError,
        match=r"models\.m\.weights: .*c\.pt holds 2 state dicts that fit the model: 'student', 'state_dict' in "
        r"'teacher'; save the one that is meant under the key 'state_dict', or in a file of its own",
    ):
        load(tmp_path / "c.pt", net())


def test_a_checkpoint_that_holds_itself_is_read(tmp_path, state):
    data = {"ema": state, "model": state}
    data["self"] = data
    torch.save(data, tmp_path / "c.pt")
    assert load(tmp_path / "c.pt", net()) == ["its key 'model'"]


@pytest.mark.parametrize(("dtype", "name"), [(torch.float16, "fp16"), (torch.bfloat16, "bf16")])
@pytest.mark.parametrize("kind", ["pt", "safetensors"])
def test_half_precision_is_loaded_into_fp32(tmp_path, state, dtype, name, kind):
    half = {key: value.to(dtype) if value.is_floating_point() else value for key, value in state.items()}
    (save_file if kind == "safetensors" else torch.save)(half, tmp_path / f"c.{kind}")
    module = net()
    assert load(tmp_path / f"c.{kind}", module) == [f"converted from {name} to fp32: 6 of 7 tensors"]
    assert module[0].weight.dtype == torch.float32
    assert torch.equal(module[0].weight, half["0.weight"].float())


def test_state_of_a_module_that_is_no_tensor_is_loaded(tmp_path):
    class Counts(nn.Linear):
        steps = 0

        def get_extra_state(self):
            return {"steps": self.steps}

        def set_extra_state(self, state):
            self.steps = state["steps"]

    saved = Counts(2, 2)
    saved.steps = 5
    torch.save(under("module.", saved.state_dict()) | {"epoch": 1}, tmp_path / "c.pt")
    module = Counts(2, 2)
    notes = load(tmp_path / "c.pt", module)
    assert notes == ["prefix 'module.' taken off", "ignored, being no tensors: epoch (int)"]
    assert module.steps == 5


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


def test_of_what_does_not_fit_the_odd_key_is_told_after_the_best_reading(tmp_path, state):
    """As averaged models save themselves, and training modules with a loss that has weights."""
    averaged = {"n_averaged": torch.tensor(3), **under("module.", state)}
    torch.save({"epoch": 3, "optimizer": {"state": {0: {"step": torch.tensor(1)}}}, "ema": averaged}, tmp_path / "c.pt")
    with pytest.raises(ModelError) as caught:
        load(tmp_path / "c.pt", net())
    assert str(caught.value) == (
        f"models.m.weights: {tmp_path / 'c.pt'} (its key 'ema', prefix 'module.' taken off) does not fit the model; "
        "1 unexpected: n_averaged; all of the model is there: save a state dict without what belongs to something else"
    )
    averaged.pop("n_averaged")
    averaged["module.0.weight"] = 3
    torch.save({"ema": averaged}, tmp_path / "c.pt")
    with pytest.raises(
        ModelError,
        match=r"prefix 'module.' taken off\) does not fit .* 1 of another shape: 0\.weight \(checkpoint int, "
        r"model \[3, 2\]\); check",
    ):
        load(tmp_path / "c.pt", net())


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
    torch.save({"epoch": 3, "notes": {"loss": [torch.ones(1)]}, 5: torch.ones(1)}, tmp_path / "c.pt")
    with pytest.raises(
        ModelError, match=r"holds no state dict .* but a dict with keys epoch \(int\), notes \(dict\), 5 \(Tensor\)"
    ):
        load(tmp_path / "c.pt", net())
    torch.save(state, tmp_path / "cut.pt")
    whole = (tmp_path / "cut.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"cut\.pt could not be read as a checkpoint"):
        load(tmp_path / "cut.pt", net())
    torch.jit.script(net()).save(tmp_path / "script.pt")
    with pytest.raises(ModelError, match="source: torchscript"):
        load(tmp_path / "script.pt", net())
