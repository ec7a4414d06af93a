"""The project can be installed: its packages, what the library reads at run time, and what it depends on."""

import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml
from packaging.requirements import Requirement

BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    """What `pip install .` would install: the built wheel, opened."""
    copy = tmp_path_factory.mktemp("checkout")
    shutil.copytree(root / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copytree(root / "envs", copy / "envs")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, copy / name)
    subprocess.run([sys.executable, "-c", BUILD, "."], cwd=copy, check=True, capture_output=True)
    with zipfile.ZipFile(next(copy.glob("*.whl"))) as opened:
        yield opened


def test_every_file_of_every_package_is_installed(root, wheel):
    source = root / "src"
    files = (path for path in source.rglob("*") if path.is_file())
    wanted = {
        str(path.relative_to(source))
        for path in files
        if "__pycache__" not in path.parts and not any(part.endswith(".egg-info") for part in path.parts)
    }
    assert any(name.endswith(".html.j2") for name in wanted)
    assert wanted == {name for name in wheel.namelist() if ".dist-info/" not in name}


def test_it_depends_on_what_a_study_needs(root, wheel):
    metadata = wheel.read(next(name for name in wheel.namelist() if name.endswith("/METADATA"))).decode()
    prefix = "Requires-Dist: "
    required = {Requirement(line.removeprefix(prefix)) for line in metadata.splitlines() if line.startswith(prefix)}
    lines = (line.strip() for line in (root / "envs/requirements.in").read_text().splitlines())
    assert required == {Requirement(line) for line in lines if line and not line.startswith("#")}


def test_make_installs_the_project_in_place(root):
    """Snakemake finds plugins among installed packages only, so both environments need the project installed."""
    makefile = (root / "Makefile").read_text()
    assert "--no-deps --no-build-isolation --python $(BIN)/python --editable ." in makefile
    for stamp in (".venv/.runtime:", ".venv/.dev:"):
        rule = makefile.partition(f"\n{stamp}")[2].partition("\n\n")[0]
        assert "pyproject.toml" in rule.splitlines()[0]
        assert "@$(INSTALL_PROJECT)" in rule


def test_the_workflow_catalogue_finds_what_it_looks_for(root):
    """Its rules for standardized usage, but for workflow/Snakefile, which every run of the workflow tests."""
    usage = yaml.safe_load((root / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["report"] is True
    assert usage["software-stack-deployment"] == {"conda": False, "apptainer": False, "apptainer+conda": False}
    assert usage["mandatory-flags"]["flags"] == ""
    readme = (root / "config/README.md").read_text()
    assert "# Configuration" in readme
    assert list((root / "workflow/rules").glob("*.smk"))
