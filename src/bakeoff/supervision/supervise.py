"""Runs each job in a child process of its own, so that the failure of one job is that job's alone.

The child gets a session of its own and is killed with its parent. Whatever happens to it (an exception, a crash, a
kill, a hang past its limit), the job's record is written and the Snakemake job succeeds. So the run goes on, and the
next run retries what failed (see `bakeoff.freshness.ledger`).
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bakeoff.artifacts.base import Record
from bakeoff.artifacts.io import read_record, write_record
from bakeoff.artifacts.stages import RECORDS, stage_of
from bakeoff.core.errors import BakeoffError
from bakeoff.core.job_messages import CHANNEL, DEVICE, DEVICE_LOCKS, HAS_DEVICE, TURN_LOCK, WAITING
from bakeoff.core.processes import die_with_parent
from bakeoff.core.quoting import shortened
from bakeoff.core.thread_counts import THREAD_COUNTS
from bakeoff.core.visible_gpus import VARIABLE
from bakeoff.devices.locks import Place
from bakeoff.supervision.child import failure
from bakeoff.supervision.part_of_run import run_pid
from bakeoff.supervision.reaper import reaper

Message = dict[str, Any]
"""What a child tells: `event` (a constant of bakeoff.core.job_messages) and its facts."""

_POLL_S = 0.2


def run_stage(
    stage: str,
    job: dict[str, Any],
    record_file: str,
    log: str,
    attempt: int,
    limit_s: float,
    needs: list[str],
    where: Place = Place(),  # noqa: B008
    hear: Callable[[Message], None] = lambda message: None,
) -> Record:
    """Run one job in a child process and leave its record.

    Args:
        stage: A name from `bakeoff.artifacts.stages.RECORDS`.
        job: What the stage's `run` is given; `target` says what it is about.
        record_file: Where the record goes.
        log: File that gets what the child prints.
        attempt: How many earlier attempts failed.
        limit_s: Seconds after which the child and all its descendants are ended; waiting for a GPU does not count.
        needs: Records this job rests on; where one is not ok, this one is blocked.
        where: The GPU that the child sees, as its `cuda:0`, and what it waits for before it uses it.
        hear: Called with each message of the child.
    """
    if where.gpu:
        job = {**job, "device": "cuda:0"}
    spec = {"job": job, "log": log, "attempt": attempt}
    Path(record_file).parent.mkdir(parents=True, exist_ok=True)
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    record = _blocked(stage, spec, needs) or _run_child(stage, spec, log, limit_s, where, hear)
    if where.gpu and getattr(record, "device", None):
        record.device = f"cuda:{where.gpu.index}"  # type: ignore[attr-defined]
    write_record(record_file, record)
    return record


def _blocked(stage: str, spec: dict[str, Any], needs: list[str]) -> Record | None:
    for needed in needs:
        made_by = stage_of(needed)
        if made_by is None:
            raise ValueError(f"{needed} is no record of a stage")
        try:
            before = read_record(needed, RECORDS[made_by])
        except BakeoffError as error:
            return failure(stage, spec, str(error), "blocked", "blocked")
        if not before.ok:
            # a chain of blocked jobs tells its first cause
            record = failure(stage, spec, before.reason or f"{needed} is not ok", "blocked", "blocked")
            record.log = before.log
            return record
    return None


def _run_child(
    stage: str, spec: dict[str, Any], log: str, limit_s: float, where: Place, hear: Callable[[Message], None]
) -> Record:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as scratch, _pipe() as (told, telling):
        spec_file, made = Path(scratch) / "spec.json", Path(scratch) / "record.json"
        spec_file.write_text(json.dumps(spec))
        with open(log, "wb") as output:
            child = subprocess.Popen(
                _command(stage, spec_file, made),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(scratch, where, telling),
                start_new_session=True,
                preexec_fn=die_with_parent,
                pass_fds=[telling, *where.descriptors],
            )
            with reaper(child.pid, scratch), _ended_with_us(child):
                ended, waited_s = _wait(child, limit_s, told, hear)
        if made.exists() and ended == "ended":
            record = read_record(made, RECORDS[stage])
        else:
            reason, error_type = _why(child, ended, limit_s, log)
            record = failure(stage, spec, reason, error_type)
    record.wall_s = time.monotonic() - started - waited_s
    return record


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    """A pipe whose ends are closed after the block; reading from it does not block."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    try:
        yield reading, writing
    finally:
        os.close(reading)
        os.close(writing)


def _command(stage: str, spec_file: Path, record_file: Path) -> list[str]:
    return [sys.executable, "-m", "bakeoff.supervision.child", stage, str(spec_file), str(record_file)]


def _environment(scratch: str, where: Place, telling: int) -> dict[str, str]:
    """The child's environment: without the thread counts that Snakemake sets, which the backends set themselves."""
    env = {name: value for name, value in os.environ.items() if name not in THREAD_COUNTS}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), env.get("PYTHONPATH")]))
    env["PYTHONUNBUFFERED"] = "1"
    env["TMPDIR"] = scratch
    env[CHANNEL] = str(telling)
    if where.gpu:
        env[VARIABLE] = where.gpu.uuid
        env[DEVICE] = f"cuda:{where.gpu.index}"
    if where.locks:
        env[DEVICE_LOCKS] = " ".join(map(str, where.locks))
    if where.kernel_timing_lock is not None:
        env[TURN_LOCK] = str(where.kernel_timing_lock)
    return env


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


@contextmanager
def _ended_with_us(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the child and all it started when this process is told to stop, and when it is done."""

    def stop(number: int, _frame: object) -> None:
        # Not _kill_group: the signal may have interrupted it, and its wait() must not be entered a second time.
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        _kill_group(child)
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(
    child: subprocess.Popen[bytes], limit_s: float, told: int, hear: Callable[[Message], None]
) -> tuple[str, float]:
    """Wait without spinning until the child ends, its time is up, or the run it belongs to is gone.

    Returns how it ended, and for how many seconds it waited for a GPU, which its time does not include.
    """
    run = run_pid() or 0
    left_s, waited_s, waiting = limit_s, 0.0, False
    with _pidfd(child.pid) as of_child, _pidfd(run) as of_run:
        watched = [told, *(descriptor for descriptor in (of_child, of_run) if descriptor is not None)]
        at_most_s = _POLL_S if of_child is None else float("inf")
        heard = b""
        while True:
            since = time.monotonic()
            timeout_s = min(at_most_s, float("inf") if waiting else max(0.0, left_s))
            ready, _, _ = select.select(watched, [], [], None if timeout_s == float("inf") else timeout_s)
            passed_s = time.monotonic() - since
            if waiting:
                waited_s += passed_s
            else:
                left_s -= passed_s
            over = child.poll() is not None if of_child is None else of_child in ready
            *lines, heard = (heard + _read(told)).split(b"\n")
            for message in map(json.loads, lines):
                waiting = message["event"] == WAITING or (waiting and message["event"] != HAS_DEVICE)
                hear(message)
            if over:
                return "ended", waited_s
            if of_run in ready if of_run is not None else run and not _exists(run):
                _kill_group(child)
                sys.exit("bakeoff: the run that this job belongs to is gone; the job was ended")
            if not waiting and left_s <= 0:
                return "timeout", waited_s


@contextmanager
def _pidfd(pid: int) -> Iterator[int | None]:
    """A descriptor that is readable once the process is gone; None where there is no process or the kernel has none."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, 1 << 16)
    except BlockingIOError:
        return b""


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
    return shortened(lines[-1]) if lines else ""
