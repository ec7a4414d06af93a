"""The workflow as Snakemake's workflow catalogue lets others use it: by workflow/Snakefile, and as a module."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
STUDY = {
    "study": "s",
    "device": "cpu",
    "models": {"net": {"source": "torchvision", "name": "resnet18"}},
    "backends": {"onnxruntime": None},
    "baseline": "onnxruntime",
    "timing": {"rounds": 1},
}
MODULE = f"""
configfile: "config/config.yaml"

module bakeoff:
    snakefile: "{ROOT}/workflow/Snakefile"
    config: config

use rule * from bakeoff
"""
JOBS = {"plan", "environment", "reference", "export", "build", "verify", "profile", "time", "collect", "report"}


@pytest.mark.parametrize("how", ["workflow/Snakefile", "module"])
def test_it_is_planned_without_the_snakefile_at_the_top(tmp_path, how):
    """As a module with nothing of Bakeoff installed: the library and its own profile are those of the checkout."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text(yaml.safe_dump(STUDY))
    environment = {name: value for name, value in os.environ.items() if name != "BAKEOFF_RUN_PID"}
    if how == "module":
        (tmp_path / "workflow").mkdir()
        (tmp_path / "workflow" / "Snakefile").write_text(MODULE)
        environment.pop("PYTHONPATH", None)
        arguments = []
    else:
        environment["PYTHONPATH"] = str(ROOT / "src")
        arguments = ["-s", str(ROOT / "workflow" / "Snakefile"), "--configfile", "config/config.yaml"]
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "-n", "report", *arguments],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=540,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    planned = set(re.findall(r"^(\w+) +\d+$", run.stdout + run.stderr, re.M))
    assert planned >= JOBS
