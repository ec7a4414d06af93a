"""Which modules a module imports, read from its source."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import bakeoff
from bakeoff.freshness.imports import Tree, imported, imports_alone

PACKAGE = Path(bakeoff.__file__).parent
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


@pytest.fixture
def package(tmp_path):
    """A package to be filled: a function that writes files, and gives the tree."""

    def fill(**files: str) -> Tree:
        for name, text in files.items():
            path = tmp_path / "bakeoff" / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            for folder in path.parents:
                if folder == tmp_path:
                    break
                (folder / "__init__.py").touch()
        return Tree(tmp_path / "bakeoff")

    return fill


def test_the_short_cut_finds_in_every_file_of_bakeoff_what_whole_sources_hold():
    assert len(FILES) > 150
    for file in FILES:
        source = (PACKAGE / file).read_text()
        whole = [found for found in imported(source, "bakeoff.x") if found[0].startswith("bakeoff")]
        short = [
            found for found in imported(imports_alone(source, "bakeoff"), "bakeoff.x") if found[0][:7] == "bakeoff"
        ]
        assert sorted(short) == sorted(whole), file


def test_the_short_cut_is_taken_for_nearly_every_file():
    whole = [file for file in FILES if imports_alone(source := (PACKAGE / file).read_text(), "bakeoff") is source]
    assert len([file for file in whole if len((PACKAGE / file).read_text()) > 200]) < len(FILES) / 10


@pytest.mark.parametrize(
    "source",
    [
        "from bakeoff.a import x",
        "from bakeoff import a",
        "import bakeoff.a",
        "import bakeoff.a as short",
        "import os, bakeoff.a",
        "import os; import bakeoff.a",
        "x = 1; import bakeoff.a",
        "if True: import bakeoff.a",
        "from bakeoff.a import x; y = 1",
        "from bakeoff.a import x  # why (really)",
        "from bakeoff.a import (  # why (really)\n    x,\n)",
        "from bakeoff.a import (\n    x,  # why\n    y,\n)",
        "from bakeoff.a \\\n    import x",
        "import os, \\\n    bakeoff.a",
        "from ..a import x",
        "from .. import a",
        "from .. import p, a",
        "from ..a import (\n    x)",
        "def f():\n    from bakeoff.a import x\n    return x",
        "class C:\n    def f(self):\n        try:\n            import bakeoff.a\n        finally:\n            pass",
        "match 1:\n    case 1:\n        import bakeoff.a",
        "with open('x') as f:\n    import bakeoff.a",
        "try:\n    pass\nexcept ValueError:\n    import bakeoff.a",
        "if TYPE_CHECKING:\n    from bakeoff.b import t\nelse:\n    from bakeoff.a import x",
        "if not TYPE_CHECKING:\n    from bakeoff.a import x",
        "if TYPE_CHECKING:\n    from bakeoff.b import t\n\n    if 1:\n        import bakeoff.b\nimport bakeoff.a\n",
        "def f():\n    if typing.TYPE_CHECKING:\n        import bakeoff.b\n    import bakeoff.a\n",
        '"""Import bakeoff, then\nimport bakeoff.a as you like, (it is\n"""\nimport bakeoff.a',
        "if TYPE_CHECKING: import bakeoff.b\nimport bakeoff.a",
    ],
)
def test_an_import_is_found_however_it_is_written(source, package):
    tree = package(a="", b="", p__m=source)
    assert "bakeoff.a" in tree.imports("bakeoff.p.m")
    assert "bakeoff.b" not in tree.imports("bakeoff.p.m")


@pytest.mark.parametrize(
    "source",
    ["if TYPE_CHECKING:\n    from bakeoff.a import x\n", "import os\nimport bakeoffs.a\n", "# import bakeoff.a\n"],
)
def test_what_never_runs_is_no_import(source, package):
    assert "bakeoff.a" not in package(a="", p__m=source).imports("bakeoff.p.m")


def test_with_a_module_come_the_packages_that_it_lies_in(package):
    tree = package(p__q__m="", a="import bakeoff.p.q.m")
    assert set(tree.imports("bakeoff.a")) == {"bakeoff", "bakeoff.p", "bakeoff.p.q", "bakeoff.p.q.m"}


def test_a_name_that_is_taken_from_a_package_counts_where_it_is_a_module(package):
    tree = package(p__m="", a="from bakeoff.p import m, something")
    assert set(tree.imports("bakeoff.a")) == {"bakeoff", "bakeoff.p", "bakeoff.p.m"}


def test_all_modules_of_a_package_come_with_a_star(package):
    tree = package(p__m="", p__n="", a="from bakeoff.p import *")
    assert {"bakeoff.p.m", "bakeoff.p.n"} <= set(tree.imports("bakeoff.a"))


def test_relative_imports_of_an_init_start_from_its_own_package(package, tmp_path):
    tree = package(p__m="")
    (tmp_path / "bakeoff" / "p" / "__init__.py").write_text("from . import m\nfrom .m import x\n")
    assert "bakeoff.p.m" in tree.imports("bakeoff.p")


def test_modules_are_found_as_python_finds_them(package, tmp_path):
    tree = package(p__m="", q="")
    (tmp_path / "bakeoff" / "q").mkdir()
    (tmp_path / "bakeoff" / "q" / "__init__.py").touch()  # a package goes before a file
    (tmp_path / "bakeoff" / "space" / "deep").mkdir(parents=True)
    (tmp_path / "bakeoff" / "space" / "deep" / "m.py").touch()  # folders without __init__.py
    assert tree.find("bakeoff.q").file == f"{tmp_path}/bakeoff/q/__init__.py"
    assert tree.find("bakeoff.space").file is None
    assert tree.find("bakeoff.space.deep.m").file == f"{tmp_path}/bakeoff/space/deep/m.py"
    assert tree.find("bakeoff.nothing") is None
    assert tree.find("bakeoff.p.m.deeper") is None
    assert tree.find("os") is None


def test_a_package_may_be_spread_over_folders_of_which_the_first_goes_before(tmp_path):
    for folder, names in (("bakeoff/p", ("__init__", "m")), ("more", ("m", "n"))):
        (tmp_path / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / folder / f"{name}.py").write_text(folder)
    (tmp_path / "bakeoff" / "__init__.py").touch()
    tree = Tree(tmp_path / "bakeoff", {"bakeoff.p": (f"{tmp_path}/bakeoff/p", f"{tmp_path}/more", "/nowhere")})
    assert tree.members("bakeoff.p") == ["bakeoff.p.m", "bakeoff.p.n"]
    assert tree.find("bakeoff.p.m").file == f"{tmp_path}/bakeoff/p/m.py"
    assert tree.find("bakeoff.p.n").file == f"{tmp_path}/more/n.py"
    assert tree.files_in("bakeoff.p")["bakeoff/p/m.py"] == os.path.join(tmp_path, "bakeoff", "p", "m.py")
