"""A run that is killed at any moment: the same command afterwards completes, and no process of it is left.

One study is killed at seeded random moments, again and again in the same folder, each time in another way. Six moments
by default; `make test-kill` takes twenty and prints when each fell.
"""

from __future__ import annotations

import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from tests.workflow.conftest import ROOT, Workspace, copy_checkout, own_model
from tests.workflow.test_study import SCHEMAS

pytestmark = pytest.mark.long

MOMENTS = int(os.environ.get("BAKEOFF_KILL_MOMENTS", "6"))
SEED = int(os.environ.get("BAKEOFF_KILL_SEED", "5"))
MARK = "BAKEOFF_KILL_TEST"

# What is killed, and how: the run (Snakemake's process), the run and all its group (Ctrl-C of a terminal), the
# supervisor of one job, or the process that does one job's work.
KINDS = [
    ("run", signal.SIGKILL),
    ("group", signal.SIGINT),
    ("job", signal.SIGKILL),
    ("run", signal.SIGTERM),
    ("child", signal.SIGKILL),
    ("group", signal.SIGKILL),
    ("job", signal.SIGTERM),
    ("run", signal.SIGINT),
    ("group", signal.SIGTERM),
    ("job", signal.SIGINT),
]


class KilledRun:
    """One run of the study in a session of its own, all of whose processes bear a mark."""

    def __init__(self, workspace: Workspace) -> None:
        self.mark = uuid.uuid4().hex
        self.log = workspace.folder / "run.log"
        env = {name: value for name, value in os.environ.items() if name != "BAKEOFF_RUN_PID"}
        # locks and scratch folders of its own: other studies on this host are not waited for, and leftovers are seen
        scratch = workspace.folder / "tmp"
        scratch.mkdir(exist_ok=True)
        with open(self.log, "w") as output:
            self.process = subprocess.Popen(
                workspace.command("report", "--cores", "2"),
                cwd=workspace.folder,
                env={**env, MARK: self.mark, "TMPDIR": str(scratch)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def processes(self) -> dict[int, str]:
        """Command lines of the run's living processes, by process id."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                        found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:
                    continue
        return found

    def send(self, whom: str, sent: signal.Signals, within_s: float) -> bool:
        """Send the signal; False where there was nobody to get it any more."""
        target = {"job": "/.snakemake/scripts/", "child": " -m bakeoff.supervision.child "}.get(whom)
        if target is None:
            if self.process.poll() is not None:
                return False
            (os.killpg if whom == "group" else os.kill)(self.process.pid, sent)
            return True
        until = time.monotonic() + within_s
        while time.monotonic() < until and self.process.poll() is None:
            for pid, command in self.processes().items():
                if target in command:
                    os.kill(pid, sent)
                    return True
            time.sleep(0.02)
        return False

    def left(self) -> dict[int, str]:
        """Processes that are left some seconds after the run's end."""
        for _ in range(100):
            left = self.processes()
            if not left:
                return {}
            time.sleep(0.1)
        return left

    def doing(self) -> str:
        """What the run was at, in the words of its messages."""
        said = re.findall(r"^Job \d+: (.*)$", self.log.read_text(), re.M)
        return said[-1] if said else "planning"


def wrong_records(workspace: Workspace) -> Iterator[str]:
    """Records on disk that are not valid against their schema; none is ever half there."""
    for path in workspace.result("").rglob("*.json"):
        if path.name in SCHEMAS and ".ledger" not in path.parts:
            schema = json.loads((ROOT / "workflow" / "schemas" / f"{SCHEMAS[path.name]}.schema.json").read_text())
            try:
                jsonschema.validate(json.loads(path.read_text()), schema)
            except (ValueError, jsonschema.ValidationError) as error:
                yield f"{path}: {error}"


@pytest.mark.timeout(3600)
def test_killed_at_any_moment_the_same_command_completes(make_workspace, tmp_path):
    workspace = make_workspace(
        {
            "study": "killed",
            "device": "cpu",
            "models": {"net": own_model("convnet", inputs={"image": {"shape": [3, 8, 8]}})},
            "backends": {"torchscript": None},
            "baseline": "torchscript/fp32",
            "profile": {"enabled": False},
            "timing": {"rounds": 1, "rounds_max": 0, "min_s": 0.02, "max_s": 0.1, "throughput_s": 0.05},
        }
    )
    workspace.checkout = copy_checkout(tmp_path / "checkout")  # which nobody edits meanwhile
    seeded = random.Random(SEED)
    began = time.monotonic()
    assert workspace.run("report", "-n").status == 0
    # a run that has everything to do is killed within its first two or three jobs, so that many runs make one study
    span_s = 5 * (time.monotonic() - began)
    moments = []
    runs = studies = 0
    while len(moments) < MOMENTS:
        whom, sent = KINDS[len(moments) % len(KINDS)]
        run = KilledRun(workspace)
        runs += 1
        after_s = seeded.uniform(0, span_s)
        try:
            run.process.wait(timeout=after_s)
        except subprocess.TimeoutExpired:
            doing = run.doing()
            hit = run.send(whom, sent, within_s=span_s)
        else:
            hit = False
        run.process.wait(timeout=300)
        assert not run.left(), run.log.read_text()
        assert not list(wrong_records(workspace))
        # what was killed before does no harm to the run after it
        assert hit or run.process.returncode == 0, run.log.read_text()
        if hit:
            moments.append((whom, sent.name, round(after_s / span_s, 2), doing))
            print("\n  {} {} at {} of the span, during: {}".format(*moments[-1]), end="", flush=True)
        if run.process.returncode == 0:
            # everything was made before the moment came: start over
            studies += 1
            for name in ("results", "reports", ".snakemake"):
                shutil.rmtree(workspace.folder / name)

    last = KilledRun(workspace)
    assert last.process.wait(timeout=300) == 0, last.log.read_text()
    assert not last.left()
    assert not list(wrong_records(workspace))
    with open(workspace.report("results.csv"), newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["ok"]
    assert "Nothing to be done" in workspace.run().output
    made = {path.name for path in workspace.result("").rglob("*") if path.is_file()}
    assert not {name for name in made if name.endswith(".tmp") or name.startswith(".build-")}
    scratch = {path.name for path in (workspace.folder / "tmp").glob("bakeoff-*")}
    assert all(name.startswith("bakeoff-locks") for name in scratch), scratch
    print(f"\n{len(moments)} kills in {runs + 1} runs, {studies} studies done before their moment came")
