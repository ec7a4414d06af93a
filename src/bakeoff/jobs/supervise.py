"""Runs a job in a child process of its own, so that its failure is its own.

The child gets a session of its own and is killed with its parent. Whatever happens to it - an exception, a
crash, a kill, a hang past its limit - the job's record is written, and the Snakemake job succeeds: the run
goes on, and the next run retries what failed (see ledger.py).
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bakeoff.artifacts.base import Record
from bakeoff.artifacts.io import read_record, write_record
from bakeoff.errors import BakeoffError
from bakeoff.jobs.child import failure
from bakeoff.jobs.stages import RECORD_FILES, RECORDS

RUN_PID = "BAKEOFF_RUN_PID"
"""Environment variable with the process id of the Snakemake run that a job belongs to."""

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS",
                     "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")  # fmt: skip


def run_stage(
    stage: str, job: dict[str, Any], record_file: str, log: str, attempt: int, limit_s: float, needs: list[str]
) -> Record:
    """Run one job in a child process and leave its record.

    Args:
        stage: A name from `bakeoff.jobs.stages.RECORDS`.
        job: What the stage's `run` is given; `target` says what it is about.
        record_file: Where the record goes.
        log: File that gets what the child prints.
        attempt: How many earlier attempts failed.
        limit_s: Seconds after which the child and all its descendants are ended.
        needs: Records this job rests on; where one is not ok, this one is blocked.
    """
    spec = {"job": job, "log": log, "attempt": attempt}
    Path(record_file).parent.mkdir(parents=True, exist_ok=True)
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    record = _blocked(stage, spec, needs) or _run_child(stage, spec, record_file, log, limit_s)
    write_record(record_file, record)
    return record


def _blocked(stage: str, spec: dict[str, Any], needs: list[str]) -> Record | None:
    for needed in needs:
        kind = _record_type(needed)
        try:
            before = read_record(needed, kind)
        except BakeoffError as error:
            return failure(stage, spec, str(error), "blocked", "blocked")
        if not before.ok:
            # a chain of blocked jobs tells its first cause
            record = failure(stage, spec, before.reason or f"{needed} is not ok", "blocked", "blocked")
            record.log = before.log
            return record
    return None


def _record_type(path: str) -> type[Record]:
    return RECORDS[next(stage for stage, name in RECORD_FILES.items() if name == Path(path).name)]


def _run_child(stage: str, spec: dict[str, Any], record_file: str, log: str, limit_s: float) -> Record:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as scratch:
        spec_file, made = Path(scratch) / "spec.json", Path(scratch) / "record.json"
        spec_file.write_text(json.dumps(spec))
        with open(log, "wb") as output:
            child = subprocess.Popen(
                _command(stage, spec_file, made),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(scratch),
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
            with _ended_with_us(child):
                ended = _wait(child, limit_s)
        if made.exists() and ended == "ended":
            record = read_record(made, RECORDS[stage])
        else:
            reason, error_type = _why(child, ended, limit_s, log)
            record = failure(stage, spec, reason, error_type)
    record.wall_s = time.monotonic() - started
    return record


def _command(stage: str, spec_file: Path, record_file: Path) -> list[str]:
    return [sys.executable, "-m", "bakeoff.jobs.child", stage, str(spec_file), str(record_file)]


def _environment(scratch: str) -> dict[str, str]:
    """The child's environment: without the thread counts that Snakemake sets, which the backends set themselves."""
    env = {name: value for name, value in os.environ.items() if name not in _THREAD_VARIABLES}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), env.get("PYTHONPATH")]))
    env["PYTHONUNBUFFERED"] = "1"
    env["TMPDIR"] = scratch
    return env


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


@contextmanager
def _ended_with_us(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the child and all it started when this process is told to stop, and when it is done."""

    def stop(number: int, _frame: object) -> None:
        _kill_group(child)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        _kill_group(child)
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(child: subprocess.Popen[bytes], limit_s: float) -> str:
    """Wait without spinning until the child ends, its time is up, or the run it belongs to is gone."""
    watched = [os.pidfd_open(child.pid)]
    run = os.environ.get(RUN_PID)
    try:
        if run:
            try:
                watched.append(os.pidfd_open(int(run)))
            except ProcessLookupError:
                return "orphaned"
        ready, _, _ = select.select(watched, [], [], limit_s)
    finally:
        for descriptor in watched:
            os.close(descriptor)
    if not ready:
        return "timeout"
    if watched[0] in ready:
        return "ended"
    _kill_group(child)
    sys.exit("bakeoff: the run that this job belongs to is gone; the job was ended")


def _why(child: subprocess.Popen[bytes], ended: str, limit_s: float, log: str) -> tuple[str, str]:
    """(reason, error type) of a child that left no record."""
    last = _last_line(log)
    said = f"; its last words: {last}" if last else ""
    if ended == "timeout":
        return f"still running after its limit of {limit_s:g} s, ended{said}", "timeout"
    code = child.returncode
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = {
            "SIGKILL": "killed (SIGKILL), often the kernel's answer to a lack of memory",
            "SIGSEGV": "crashed with a segmentation fault (SIGSEGV)",
            "SIGABRT": "aborted (SIGABRT)",
            "SIGILL": "used an instruction this processor lacks (SIGILL)",
        }.get(name, f"ended by {name}")
        return f"{hint}{said}", f"signal {name}"
    return f"ended with status {code} and no record{said}", f"exit {code}"


def _last_line(log: str) -> str:
    with open(log, "rb") as file:
        file.seek(max(0, os.path.getsize(log) - 4096))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
