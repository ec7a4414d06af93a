"""What a job's own process records of an exception that ends it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.io import read_record

# a stage whose job is this test's code, in a process as the supervisor starts it
CHILD = """
import runpy, sys, types
module = types.ModuleType("bakeoff.jobs.build")
def run(job):
    exec(job["code"])
module.run = run
sys.modules["bakeoff.jobs.build"] = module
sys.argv = ["child", "build", *sys.argv[1:]]
runpy.run_module("bakeoff.supervision.child", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("code", "error_type", "reason"),
    [
        ("import sys; sys.exit('enough')", "SystemExit", "the code called exit('enough')"),
        ("raise ValueError('first line\\nsecond line')", "ValueError", "ValueError: first line"),
        ("raise ValueError", "ValueError", "ValueError: no message"),
        (
            "from bakeoff.core.errors import BuildError; raise BuildError('all of it,\\non one line')",
            "BuildError",
            "all of it, on one line",
        ),
    ],
)
def test_an_exception_is_a_failed_record_and_no_failed_process(
    root: Path, tmp_path: Path, code: str, error_type: str, reason: str
) -> None:
    target = {"study": "s", "model": "m", "backend": "b", "precision": "fp32"}
    spec = {"job": {"target": target, "code": code}, "log": str(tmp_path / "build.log"), "attempt": 3}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    made = tmp_path / "record.json"
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "spec.json"), str(made)],
        env={**os.environ, "PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    record = read_record(made, BuildRecord)
    assert (record.status, record.error_type, record.reason) == ("failed", error_type, reason)
    assert (record.attempt, record.log) == (3, spec["log"])
    assert "Traceback" in child.stderr  # for the log
