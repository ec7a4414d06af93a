"""No process of a run outlives it, and one run at a time holds a study."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from tests.unit.jobs.test_supervise import TARGET, _alive, _wait_until_dead

from bakeoff.artifacts.io import no_space, whole
from bakeoff.supervision import part_of_run
from bakeoff.supervision.run_lock import RunUnderWayError, lock_run, run_under_way


def _wait_for(path: Path) -> str:
    for _ in range(1200):
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path} did not come")


def test_a_killed_supervisor_leaves_neither_grandchildren_nor_its_scratch_folder(tmp_path):
    noted = tmp_path / "noted"
    child = f"""
        import os, subprocess, sys
        grandchild = subprocess.Popen(["sleep", "600"])
        with open({str(noted)!r} + "~", "w") as file:
            file.write(f"{{os.getpid()}} {{grandchild.pid}} {{os.environ['TMPDIR']}}")
        os.rename({str(noted)!r} + "~", {str(noted)!r})
        grandchild.wait()
    """
    code = f"""
        import sys
        from bakeoff.supervision import supervise
        supervise._command = lambda *_: [sys.executable, "-c", {textwrap.dedent(child)!r}]
        job, record, log = {{"target": {TARGET!r}}}, {str(tmp_path / "r.json")!r}, {str(tmp_path / "l.log")!r}
        supervise.run_stage("build", job, record, log, 0, 600, [])
    """
    supervisor = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    child_pid, grandchild_pid, scratch = _wait_for(noted).split()
    assert Path(scratch).is_dir()
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    assert _wait_until_dead(int(child_pid))
    assert _wait_until_dead(int(grandchild_pid))
    for _ in range(1200):
        if not Path(scratch).exists():
            break
        time.sleep(0.05)
    assert not Path(scratch).exists()


@pytest.mark.parametrize("first", ["the run", "the script"])
def test_a_script_ends_with_its_run(tmp_path, first):
    run = subprocess.Popen(["sleep", "600"])
    noted = tmp_path / "noted"
    code = f"""
        import time
        from bakeoff.supervision.part_of_run import part_of_run
        with part_of_run():
            open({str(noted)!r}, "w").write("there")
            time.sleep(600)
    """
    if first == "the run":
        run.kill()
        run.wait()
    script = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], env={**os.environ, part_of_run.RUN_PID: str(run.pid)}
    )
    if first == "the script":
        _wait_for(noted)
        assert _alive(script.pid)
        run.kill()
        run.wait()
    assert script.wait(timeout=30) == -signal.SIGTERM


def test_a_run_of_another_host_is_not_watched():
    assert part_of_run.run_pid({part_of_run.RUN_PID: "1@another-host"}) is None
    assert part_of_run.run_pid({part_of_run.RUN_PID: "17"}) == 17
    assert part_of_run.run_pid({}) is None


def test_one_run_holds_a_study_and_its_death_frees_it(tmp_path):
    results = tmp_path / "results" / "s"
    assert run_under_way(results) is None
    code = f"""
        import time
        from bakeoff.supervision.run_lock import lock_run
        lock_run({str(results)!r})
        print("held", flush=True)
        time.sleep(600)
    """
    holder = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(RunUnderWayError) as refused:
        lock_run(results)
    for said in (run_under_way(results), str(refused.value)):
        assert f"process {holder.pid} on " in said
        assert "\n" not in said
    holder.kill()
    holder.wait()
    assert run_under_way(results) is None
    lock_run(results)
    assert str(os.getpid()) in (results / ".run.lock").read_text()


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "a" / "file"

    def write(text: str, error: Exception | None = None) -> None:
        with whole(path) as temporary:
            temporary.write_text(text)
            if error:
                raise error

    with pytest.raises(OSError, match="left on device") as caught:
        write("half", OSError(28, "No space left on device"))
    assert list(path.parent.iterdir()) == []
    assert no_space(caught.value) == f"no space left on device: {path.parent}; free some and run again"
    write("all")
    assert path.read_text() == "all"
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_is_seen_behind_other_errors(tmp_path):
    error = RuntimeError("the writer failed")
    error.__cause__ = OSError(28, "No space left on device", "/data/engine.bin")
    assert no_space(error) == "no space left on device: /data; free some and run again"
    assert no_space(RuntimeError("another"), tmp_path) is None
    assert no_space(OSError(2, "No such file", "x")) is None
