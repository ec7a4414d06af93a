"""Whatever happens to a job's process, its record is written and says what happened."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.io import read_record, write_record
from bakeoff.supervision import part_of_run, supervise

TARGET = {"study": "s", "model": "m", "backend": "b", "precision": "fp32"}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a build job whose child is the given Python code; `record` is where it should put its record."""

    def run_code(code: str, limit_s: float = 30, needs: tuple[str, ...] = ()):
        def command(stage, spec_file, record_file):
            return [sys.executable, "-c", f"record = {str(record_file)!r}\n" + textwrap.dedent(code)]

        monkeypatch.setattr(supervise, "_command", command)
        out = tmp_path / "made" / "build.json"
        log = tmp_path / "logs" / "build.log"
        returned = supervise.run_stage(
            "build", {"target": TARGET}, str(out), str(log), attempt=2, limit_s=limit_s, needs=list(needs)
        )
        assert read_record(out, BuildRecord) == returned
        return returned

    return run_code


def test_a_record_that_the_child_leaves_is_kept(run):
    good = BuildRecord(target=TARGET, status="ok", build_s=1.5)
    record = run(f"open(record, 'w').write({good.model_dump_json(by_alias=True)!r})")
    assert record.ok
    assert record.build_s == 1.5
    assert record.wall_s > 0


@pytest.mark.parametrize(
    ("code", "error_type", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "signal SIGSEGV", "segmentation fault"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal SIGKILL", "lack of memory"),
        ("print('the last words'); raise SystemExit(7)", "exit 7", "the last words"),
    ],
)
def test_a_death_of_the_child_is_recorded(run, code, error_type, words):
    record = run(code)
    assert record.status == "failed"
    assert record.error_type == error_type
    assert words in record.reason
    assert Path(record.log).exists()
    assert record.attempt == 2


def _alive(pid: int) -> bool:
    """Whether a process runs; one that is dead but not yet reaped by init does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _wait_until_dead(pid: int) -> bool:
    for _ in range(1200):
        if not _alive(pid):
            return True
        time.sleep(0.05)
    return False


def test_a_hang_ends_at_the_limit_with_all_that_the_child_started(run, tmp_path):
    pid_file = tmp_path / "grandchild"
    record = run(
        f"""
        import subprocess, time
        child = subprocess.Popen(["sleep", "600"])
        open({str(pid_file)!r}, "w").write(str(child.pid))
        time.sleep(600)
        """,
        limit_s=4,
    )
    assert record.error_type == "timeout"
    assert "limit of 4 s" in record.reason
    assert _wait_until_dead(int(pid_file.read_text()))


def test_a_job_whose_needs_failed_is_blocked_with_the_first_cause(run, tmp_path):
    needed = tmp_path / "build.json"
    write_record(needed, BuildRecord(target=TARGET, status="failed", reason="the first cause", log="a.log"))
    record = run("raise SystemExit(1)", needs=(str(needed),))
    assert record.status == "blocked"
    assert record.reason == "the first cause"
    assert record.log == "a.log"


def test_a_damaged_record_blocks_by_name(run, tmp_path):
    needed = tmp_path / "build.json"
    needed.write_text('{"schema": "bakeoff/build/1", "status"')
    record = run("raise SystemExit(1)", needs=(str(needed),))
    assert record.status == "blocked"
    assert str(needed) in record.reason


def test_the_child_gets_no_thread_counts_from_snakemake(run, monkeypatch, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    seen = tmp_path / "env"
    run(f"import os; open({str(seen)!r}, 'w').write(os.environ.get('OMP_NUM_THREADS', 'none'))")
    assert seen.read_text() == "none"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_when_the_supervisor_or_its_run_is_killed(tmp_path, sent):
    pid_file = tmp_path / "child"
    supervisor = tmp_path / "supervisor.py"
    supervisor.write_text(
        textwrap.dedent(
            f"""
            import sys
            from bakeoff.supervision import supervise
            code = "import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
            supervise._command = lambda *_: [sys.executable, "-c", code]
            supervise.run_stage("build", {json.dumps({"target": TARGET})}, {str(tmp_path / "r" / "build.json")!r},
                                {str(tmp_path / "l.log")!r}, 0, 600, [])
            """
        )
    )
    process = subprocess.Popen([sys.executable, str(supervisor)])
    for _ in range(1200):
        if pid_file.exists() and pid_file.read_text():
            break
        time.sleep(0.05)
    child = int(pid_file.read_text())
    assert _alive(child)
    process.send_signal(sent)
    process.wait(timeout=60)
    assert _wait_until_dead(child)
    assert not (tmp_path / "r" / "build.json").exists()


def test_a_job_ends_when_its_run_is_gone(tmp_path):
    """A killed Snakemake leaves no measurement running behind it."""
    run_process = subprocess.Popen(["sleep", "600"])
    pid_file = tmp_path / "child"
    code = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    supervisor = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import sys; from bakeoff.supervision import supervise\n"
            f"supervise._command = lambda *_: [sys.executable, '-c', {code!r}]\n"
            f"supervise.run_stage('build', {{'target': {TARGET!r}}}, {str(tmp_path / 'build.json')!r}, "
            f"{str(tmp_path / 'l.log')!r}, 0, 600, [])",
        ],
        env={**os.environ, part_of_run.RUN_PID: str(run_process.pid)},
        start_new_session=True,
    )
    for _ in range(1200):
        if pid_file.exists() and pid_file.read_text():
            break
        time.sleep(0.05)
    run_process.kill()
    run_process.wait()
    assert supervisor.wait(timeout=60) != 0
    assert _wait_until_dead(int(pid_file.read_text()))
