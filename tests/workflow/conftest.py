"""Real Snakemake runs of tiny studies, each in a folder of its own."""

from __future__ import annotations

import os
import re
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
    """A folder with a study, and Snakemake to run it."""

    def __init__(self, folder: Path, study: dict[str, Any]) -> None:
        self.folder = folder
        self.study = study

    def command(self, *arguments: str) -> list[str]:
        """The command line of a run."""
        (self.folder / "study.yaml").write_text(yaml.safe_dump(self.study, sort_keys=False))
        return [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1",
            *arguments, "--configfile", "study.yaml",
        ]  # fmt: skip

    def run(self, *arguments: str) -> Run:
        """Run Snakemake here: the report, unless arguments say otherwise."""
        env = {name: value for name, value in os.environ.items() if name != "BAKEOFF_RUN_PID"}
        done = subprocess.run(
            self.command(*(arguments or ("report",))),
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=540,
            check=False,
        )
        return Run(done.returncode, done.stdout)

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
    "timing": {"rounds": 2, "min_s": 0.02, "max_s": 0.2, "throughput_s": 0.05},
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
