"""A model's file is read and never run while a study is planned; what that shows is told at once."""

import textwrap

import pytest

from bakeoff.config.load import parse_study
from bakeoff.core.errors import ConfigError


def study_of(tmp_path, text, function="make", **args):
    """A study of a model file with this text (or these bytes)."""
    path = tmp_path / "mine.py"
    path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
    model = {"source": "file", "factory": f"{path}:{function}", "args": args, "inputs": {"x": {"shape": [3]}}}
    return {"models": {"net": model}, "backends": {"eager": None}}


REFUSED = {
    "syntax": ("import torch\ndef make(:\n", {}, ["models.net.factory", "line 2", "invalid syntax"]),
    "indentation": ("def make():\nreturn 1\n", {}, ["line 2", "indent"]),
    "no text": (b"\x7fELF\xff\xfe\x00", {}, ["models.net.factory", "mine.py"]),
    "nested without end": ("(" * 5000, {}, ["models.net.factory", "mine.py"]),
    "no such module": ("import torch\nimport trochvision\n", {}, ["line 2", "'trochvision'", "install it"]),
    "no such package": ("from no_such_package.sub import x\n", {}, ["line 1", "'no_such_package'", "beside"]),
    "own package": ("from .layers import Block\nmake = Block\n", {}, ["line 1", "write 'from layers import'"]),
    "another name": ("def mike():\n    pass\n", {}, ["no function or class 'make'", "did you mean 'mike'"]),
    "inside another": ("class Net:\n    def make(self):\n        make = 1\n", {}, ["'make'", "known: Net"]),
    "empty": ("", {}, ["no function or class 'make'"]),
    "unknown argument": ("def make(width=3):\n    pass\n", {"wdth": 4}, ["net.args.wdth", "did you mean 'width'"]),
    "missing argument": ("def make(width, depth=1):\n    pass\n", {}, ["net.args.width", "is missing"]),
    "missing keyword": ("def make(*, width, depth=1):\n    pass\n", {}, ["net.args.width", "is missing"]),
    "odd escape": ("x = '\\d'\nimport no_such_module\n", {}, ["no_such_module"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_at_once(case, tmp_path, recwarn):
    text, args, words = REFUSED[case]
    with pytest.raises(ConfigError) as caught:
        parse_study(study_of(tmp_path, text, **args))
    for word in words:
        assert word in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert not recwarn.list


ACCEPTED = {
    "function": "def make():\n    pass\n",
    "class": "class make:\n    def __init__(self, width):\n        pass\n",
    "made by a call": "import functools\nmake = functools.partial(print)\n",
    "annotated": "make: object = print\n",
    "imported": "from os import getcwd as make\n",
    "all imported": "from os.path import *\n",
    "by hand": "globals()['make'] = print\n",
    "on demand": "def __getattr__(name):\n    return print\n",
    "either way": "try:\n    import no_such_module\n    make = 1\nexcept ImportError:\n    def make(): pass\n",
    "only where needed": "def make():\n    import no_such_module\n",
    "for types alone": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import no_such\ndef make(): pass\n",
    "its own path": "import sys\nsys.path.append('/x')\nimport no_such_module\ndef make(): pass\n",
    "decorated": "import functools\n@functools.cache\ndef make(width): pass\n",
    "twice": "def make(width): pass\ndef make(): pass\n",
    "a with block": "import contextlib\nwith contextlib.suppress(Exception) as make:\n    pass\n",
    "in another script": "# -*- coding: latin-1 -*-\nname = '\xe4'\ndef make(): pass\n".encode("latin-1"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_cannot_be_known_is_left_to_the_run(case, tmp_path):
    assert parse_study(study_of(tmp_path, ACCEPTED[case])).models


def test_arguments_that_fit_are_accepted(tmp_path):
    text = "def make(width, *, depth=1, **more):\n    pass\n"
    assert parse_study(study_of(tmp_path, text, width=1, anything=2)).models


def test_a_neighbour_is_found(tmp_path):
    (tmp_path / "layers.py").write_text("raise SystemExit('imported')\n")
    (tmp_path / "blocks").mkdir()
    text = "import layers\nfrom blocks.conv import Conv\ndef make(): pass\n"
    assert parse_study(study_of(tmp_path, text)).models


def test_nothing_of_it_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = """
        import os, time
        open("ran", "w").close()
        print("ran")
        time.sleep(600)
        os._exit(3)

        def make():
            pass
    """
    assert parse_study(study_of(tmp_path, text)).models
    assert not (tmp_path / "ran").exists()
