"""A user's own file: what goes wrong in it is told with its path, its line and what to do."""

import sys

import pytest
import torch

from bakeoff.core.errors import ModelError
from bakeoff.models.sources import source_of


def make(label, section):
    """The module of a config section."""
    return source_of(label, section).build(fetch=False)


def model_of(tmp_path, text, function="make", args=None):
    """A config section for a file with this text."""
    path = tmp_path / "mine.py"
    path.write_text(text)
    return {"source": "file", "factory": f"{path}:{function}", "args": args or {}, "inputs": {"x": {"shape": [2]}}}


LINEAR = "import torch\ndef make(n=2):\n    print('hello')\n    return torch.nn.Linear(2, n)\n"


def test_the_factory_is_called_with_args_and_may_print(tmp_path, capsys):
    module = make("m", model_of(tmp_path, LINEAR, args={"n": 5}))
    assert isinstance(module, torch.nn.Linear)
    assert module.out_features == 5
    assert capsys.readouterr().out == "hello\n"


def test_a_class_is_a_factory_and_may_import_its_neighbour(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "neighbour_of_mine.py").write_text("import torch\nclass Base(torch.nn.Module):\n    pass\n")
    module = make("m", model_of(tmp_path, "from neighbour_of_mine import Base\nclass Net(Base):\n    pass\n", "Net"))
    assert isinstance(module, torch.nn.Module)


@pytest.mark.parametrize(
    ("text", "args", "told"),
    [
        ("import torch\n\nx = 1 / 0\n", {}, r"mine\.py, line 3: its import failed: ZeroDivisionError"),
        ("import torch\ndef make(:\n", {}, r"mine\.py, line 2: invalid syntax; mend"),
        ("import no_such_library_here\n", {}, r"line 1: .*no_such_library_here.*; install it"),
        ("import sys\nsys.exit(0)\n", {}, r"line 2: its import failed: called exit\(0\)"),
        ("def make():\n    raise SystemExit('bye')\n", {}, r"line 2: make\(\) failed: called exit\('bye'\)"),
        ("def make():\n    raise ValueError('bad width')\n", {}, r"line 2: make\(\) failed: ValueError: bad width"),
        (LINEAR, {"m": 3}, r"make\(m=3\) failed: TypeError: .*'m'.*; check models\.net\.args"),
        ("def make():\n    return [1]\n", {}, r"returned list, not a torch\.nn\.Module"),
        ("make = 3\n", {}, r"make in .* is a int, no function"),
        ("def mike():\n    pass\n", {}, r"has no function or class 'make'; did you mean 'mike'\?"),
    ],
)
def test_mistakes(tmp_path, text, args, told):
    with pytest.raises(ModelError, match=told) as caught:
        make("net", model_of(tmp_path, text, args=args))
    assert str(caught.value).startswith("models.net.factory: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path):
    section = model_of(tmp_path, LINEAR)
    (tmp_path / "mine.py").unlink()
    with pytest.raises(ModelError, match="there is no file"):
        make("net", section)
