"""Loading a saved model draws no random weights, and gives the model that was saved."""

import timm
import torch
import torchvision

from bakeoff.models.sources import source_of
from bakeoff.models.without_initialization import without_initialization

TRICKY = '''
import torch
from torch import nn

class Tricky(nn.Module):
    """What a loader that leaves initialization out could get wrong."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 6)
        self.normed = nn.utils.parametrizations.weight_norm(nn.Linear(6, 6))
        self.square = nn.utils.parametrizations.orthogonal(nn.Linear(6, 6))
        self.norm = nn.BatchNorm1d(6)
        self.register_buffer("steps", torch.zeros(6), persistent=False)
        nn.init.constant_(self.steps, 3.0)
        self.register_buffer("positions", torch.arange(6.0).mul_(0.5), persistent=False)
        self.scale = nn.Parameter(torch.full((6,), 2.0))
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x):
        return self.square(self.normed(self.norm(self.linear(x)))) * self.scale + self.steps + self.positions

def make():
    return Tricky()

class Picky(nn.Module):
    """Looks at the weights that it has just drawn."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 64)
        with torch.no_grad():
            self.linear.weight.fill_(0.25)
        if not bool((self.linear.weight == 0.25).all()):
            raise ValueError("these are not my weights")

    def forward(self, x):
        return self.linear(x)

def picky():
    return Picky()
'''


def saved_and_loaded(source, folder):
    folder.mkdir()
    made = source.make_model()
    source.save(made, folder)
    return made, source.load(folder / source.stored_as, source.builder())


def same_answer(one, other, x):
    with torch.inference_mode():
        torch.testing.assert_close(other(x), one(x), rtol=0, atol=0)


def test_the_loaded_model_is_the_saved_one(tmp_path):
    (tmp_path / "tricky.py").write_text(TRICKY)
    section = {"source": "file", "factory": f"{tmp_path / 'tricky.py'}:make", "inputs": {"x": {"shape": [6]}}}
    source = source_of("tricky", section)
    same_answer(*saved_and_loaded(source, tmp_path / "reference"), torch.randn(4, 6))


def test_a_constructor_that_looks_at_its_weights_gets_them(tmp_path, capsys):
    (tmp_path / "tricky.py").write_text(TRICKY)
    section = {"source": "file", "factory": f"{tmp_path / 'tricky.py'}:picky", "inputs": {"x": {"shape": [64]}}}
    source = source_of("picky", section)
    same_answer(*saved_and_loaded(source, tmp_path / "reference"), torch.randn(4, 64))
    assert "cannot be made without initializing its weights" in capsys.readouterr().err


def test_no_parameter_is_filled():
    """Counted at the operators, so a PyTorch or timm that initializes in another way is seen."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Count(TorchDispatchMode):
        drawn = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func.name().partition(".")[0] in ("aten::normal_", "aten::uniform_", "aten::random_"):
                self.drawn += args[0].numel()
            return func(*args, **(kwargs or {}))

    for make in (
        lambda: torchvision.models.resnet18(weights=None),
        lambda: timm.create_model("vit_tiny_patch16_224"),
        lambda: timm.create_model("mobilenetv3_small_050"),
    ):
        with Count() as plain:
            size = sum(parameter.numel() for parameter in make().parameters())
        with without_initialization(), Count() as left_out:
            make()
        assert plain.drawn > 0.5 * size
        assert left_out.drawn < 0.05 * size


def test_buffers_are_filled():
    with without_initialization():
        module = torch.nn.BatchNorm2d(4)
        buffer = torch.zeros(3).fill_(2.0)
    assert module.running_var.tolist() == [1.0] * 4
    assert buffer.tolist() == [2.0] * 3
