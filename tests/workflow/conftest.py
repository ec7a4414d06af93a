"""Real Snakemake runs of tiny studies, each in a folder of its own."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
MODELS = ROOT / "tests" / "models"


@dataclass
class Run:
    """What a Snakemake call printed, and its exit status."""

    status: int
    output: str

    def jobs(self) -> dict[str, int]:
        """Jobs by rule, from the table that Snakemake prints; empty where there was nothing to do."""
        table = re.search(r"^Job stats:\n(.*?)^total", self.output, re.M | re.S)
        if not table:
            return {}
        rows = re.findall(r"^(\w+) +(\d+)$", table.group(1), re.M)
        return {name: int(count) for name, count in rows}


class Workspace:
    """A folder with a study, and Snakemake to run it with the workflow of a checkout."""

    def __init__(self, folder: Path, study: dict[str, Any], checkout: Path = ROOT) -> None:
        self.folder = folder
        self.study = study
        self.checkout = checkout
        self.cores = 2
        self.variables: dict[str, str] = {}

    def command(self, *arguments: str) -> list[str]:
        """The command line of a run."""
        (self.folder / "study.yaml").write_text(yaml.safe_dump(self.study, sort_keys=False))
        return [
            sys.executable, "-m", "snakemake", "--snakefile", str(self.checkout / "Snakefile"),
            "--cores", str(self.cores), *arguments, "--configfile", "study.yaml",
        ]  # fmt: skip

    def run(self, *arguments: str, **variables: str) -> Run:
        """Run Snakemake here, with environment variables of its own: the report, unless arguments say otherwise."""
        env = self.environment() | variables
        # this checkout's plugins of Snakemake, which it looks for before it reads the Snakefile
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(self.checkout / "src"), env.get("PYTHONPATH")]))
        done = subprocess.run(
            self.command(*(arguments or ("report",))),
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1100,
            check=False,
        )
        return Run(done.returncode, done.stdout)

    def work_in_one_process(self) -> None:
        """Do the study's jobs in one process, but for the environment's, and tell Snakemake that it made the files.

        A run starts two processes for each job and most of them import torch, which is most of what a tiny study takes.
        """
        self.command()
        code = "from tests.scale.make_results import make_results; make_results('study.yaml', ['environment'])"
        paths = os.pathsep.join([str(self.checkout / "src"), str(ROOT)])
        environment = {**self.environment(), "PYTHONPATH": paths}
        subprocess.run([sys.executable, "-c", code], cwd=self.folder, env=environment, check=True)
        run = self.run("report", "--touch", "--forceall")
        assert run.status == 0, run.output

    def environment(self) -> dict[str, str]:
        """Environment variables of a run, those of this workspace (`variables`) included.

        It has a folder of its own for locks of devices and for scratch files, so that it waits for no study that
        another test measures at the same time.
        """
        temporary = self.folder.with_name(f"{self.folder.name}-tmp")
        temporary.mkdir(exist_ok=True)
        own = {name: value for name, value in os.environ.items() if name != "BAKEOFF_RUN_PID"}
        return {**own, "TMPDIR": str(temporary), **self.variables}

    def copy(self, folder: Path, checkout: Path | None = None) -> Workspace:
        """The same with all that was made here, times of change and what Snakemake knows of it included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        copied = Workspace(folder, copy.deepcopy(self.study), checkout or self.checkout)
        copied.variables = dict(self.variables)
        return copied

    def result(self, path: str) -> Path:
        """A file of the study's results."""
        return self.folder / "results" / self.study["study"] / path

    def report(self, path: str) -> Path:
        """A file of the study's report."""
        return self.folder / "reports" / self.study["study"] / path


def own_model(function: str, file: str = "tiny.py", **keys: Any) -> dict[str, Any]:
    """Config of a model of tests/models."""
    return {"source": "file", "factory": f"{MODELS / file}:{function}", **keys}


QUICK = {
    "threads": 1,
    "warmup": {"min_s": 0.02, "max_s": 0.3},
    "timing": {"rounds": 2, "rounds_max": 0, "retries": 0, "min_s": 0.02, "max_s": 0.2, "throughput_s": 0.05},
    "accuracy": {"n_inputs": 8},
    "profile": {"runs": 3, "max_s": 0.5},
}
"""Settings that make a tiny study quick; the numbers mean nothing."""


@pytest.fixture(scope="session")
def make_workspace(tmp_path_factory):
    """Make a workspace for a study."""

    def make(study: dict[str, Any]) -> Workspace:
        return Workspace(tmp_path_factory.mktemp("study"), {**QUICK, **study})

    return make


def copy_checkout(folder: Path, of: Path = ROOT) -> Path:
    """A copy of what a run needs of a checkout, to be changed."""
    for name in ("src", "scripts", "workflow", "envs"):
        shutil.copytree(of / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("profiles", "Snakefile"):
        shutil.copy2(of / name, folder / name, follow_symlinks=False)
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A study that ran to its end, of two models (one with arguments and a weights file) on two backends.

    To be copied (`Workspace.copy`), and never to be changed: tests of several files start from it.
    """
    import torch

    from tests.models import tiny

    folder = tmp_path_factory.mktemp("finished")
    torch.manual_seed(0)
    torch.save(tiny.convnet(classes=12).state_dict(), folder / "weights.pt")
    image = {"image": {"shape": [3, 8, 8]}}
    study = {
        **QUICK,
        "study": "finished",
        "device": "cpu",
        "models": {
            "net": own_model("convnet", args={"classes": 12}, weights="weights.pt", inputs=image),
            "pair": own_model("pair", inputs={"x": {"shape": [12]}}),
        },
        "backends": {"torchscript": None, "onnxruntime": None},
        "baseline": "torchscript/fp32",
        "timing": {"rounds": 1, "rounds_max": 0, "retries": 0, "min_s": 0.02, "max_s": 0.1, "throughput_s": 0.05},
        "profile": {"enabled": False},
    }
    workspace = Workspace(folder, study, copy_checkout(tmp_path_factory.mktemp("checkout")))
    workspace.work_in_one_process()
    run = workspace.run()
    assert run.status == 0, run.output
    report = {"collect", "plots", "html", "markdown", "index", "verdict", "report"}
    assert run.jobs().keys() == {"environment", *report}
    return workspace
