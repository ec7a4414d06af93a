"""One run of a study at a time in a folder: the second says so at once, and what only looks still works."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

import pytest

from tests.workflow.conftest import Workspace

pytestmark = pytest.mark.long


def everything(workspace: Workspace) -> dict[str, int]:
    """Time of change of each file of the study, of its lock file and reports too."""
    folders = [workspace.folder / "results", workspace.folder / "reports"]
    return {str(path): path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*")}


@pytest.fixture
def live(finished, tmp_path):
    """A study of which a run is under way, and stands still (as if it had a long job to do)."""
    workspace = finished.copy(tmp_path / "study")
    workspace.study["timing"]["max_s"] = 0.2
    process = subprocess.Popen(
        workspace.command("report"),
        cwd=workspace.folder,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    lock = workspace.result(".run.lock")
    while process.poll() is None and str(process.pid) not in lock.read_text():
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGSTOP)
    yield workspace, process
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_the_second_run_says_so_in_one_line_and_touches_nothing(live):
    workspace, process = live
    before = everything(workspace)
    second = workspace.run()
    assert second.status == 1
    lines = [line for line in second.output.splitlines() if "another run of this study is under way" in line]
    assert len(lines) == 1
    for word in ("results/finished", f"process {process.pid} on ", ", since 2", "wait for its end"):
        assert word in lines[0]
    assert "Traceback" not in second.output
    assert "Job stats" not in second.output
    assert everything(workspace) == before


def test_what_only_looks_works_beside_a_run(live):
    workspace, process = live
    before = everything(workspace)
    dry = workspace.run("report", "-n")
    assert dry.status == 0, dry.output
    assert f"process {process.pid} on " in dry.output
    assert dry.jobs()["time"] == 4
    assert workspace.run("--summary").status == 0
    assert everything(workspace) == before


def test_another_study_may_run_in_the_same_folder(live):
    workspace, _ = live
    workspace.study["study"] = "other"
    workspace.study["models"].popitem()
    run = workspace.run("results/other/environment.json")
    assert run.status == 0, run.output
    assert workspace.result("environment.json").exists()
    workspace.study["study"] = "finished"


def test_a_killed_run_leaves_no_lock(live):
    workspace, process = live
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    half_written = workspace.result("net/.build.json.x.tmp")
    half_written.touch()
    after = workspace.run("results/finished/environment.json")
    assert after.status == 0, after.output
    assert not half_written.exists()
    assert workspace.result(".run.lock").read_text() == ""
