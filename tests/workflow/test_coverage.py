"""The command that builds and judges every cell of a study and writes the matrix."""

import os
import re
import subprocess
import sys
import textwrap

import yaml

from tests.workflow.conftest import ROOT

ANY_NUMBER_OF_INPUTS = """
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(12, 10)

        def forward(self, *vectors):  # which torch.jit.script does not compile
            return self.head(vectors[0])
"""


def test_the_command_writes_what_works_and_what_does_not(tmp_path):
    study = {
        "study": "tiny",
        "device": "cpu",
        "threads": 1,
        "models": {"net": {"source": "file", "factory": "net.py:Net", "inputs": {"x": {"shape": [12]}}}},
        "backends": {"eager": None, "script": {"kind": "torchscript", "capture": "script"}},
    }
    (tmp_path / "net.py").write_text(textwrap.dedent(ANY_NUMBER_OF_INPUTS))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    environment = {name: value for name, value in os.environ.items() if name != "BAKEOFF_RUN_PID"}
    environment["PYTHONPATH"] = str(ROOT / "src")
    done = subprocess.run(
        [sys.executable, "-m", "bakeoff", "coverage", "study.yaml", "--out", "made/coverage.md"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    page = (tmp_path / "made" / "coverage.md").read_text()
    assert re.search(r"^\| net \| 130 \| (0|\d\.\de-\d\d) \| ✗ \(1\) \|$", page, re.M)
    assert "| 1 | script: all | export | exporter |" in page
    assert "variable number of arguments" in page
    assert not list(tmp_path.rglob("timing.json"))
