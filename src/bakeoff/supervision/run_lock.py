"""One run of a study at a time in a folder: a file lock that the kernel frees on any death of its holder.

It stands in for Snakemake's own lock, which a killed run leaves behind and which then has to be removed by hand; the
profile in workflow/profiles/default switches that one off (`nolock`).
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import socket
import time
from pathlib import Path
from typing import IO, Any

from bakeoff.core.errors import BakeoffError

_held: list[IO[str]] = []
"""Open for the life of this process: closing one frees it."""


_LOOKS, _LOOK_S = 10, 0.02
"""How often, and with which pause in seconds, the lock is tried before another run is said to have it."""


class RunUnderWayError(BakeoffError):
    """Another run holds the folder; the message says which, since when, and what to do."""


def lock_run(results: str | Path, planned: tuple[bool, int | None] | None = None) -> None:
    """Hold the results of a study for the life of this process.

    Args:
        results: Folder of the study's results.
        planned: What `state_of_lock` said when this run was planned; None where it does not matter.

    Raises RunUnderWayError where another run holds them, or held them at any time since this one was planned.
    """
    path = _path(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    now = state_of_lock(results)
    lock = open(path, "a+")  # noqa: SIM115
    if not _taken(lock):
        lock.close()
        raise RunUnderWayError(f"{_words(results)}; wait for its end, or end it, before you start another")
    if planned is not None and planned != now:
        lock.close()
        raise RunUnderWayError(
            f"another run of this study was under way in {results} while this one was planned; start it again"
        )
    lock.truncate(0)
    json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}, lock)
    lock.flush()
    _held.append(lock)
    atexit.register(_free, lock)


def state_of_lock(results: str | Path) -> tuple[bool, int | None]:
    """Whether a run is under way, and when the latest one took or freed the lock (ns); None where none ever did.

    What was planned under one state must not be run under another: a run in between has changed what is there.
    """
    try:
        changed_ns = os.stat(_path(results)).st_mtime_ns
    except FileNotFoundError:
        return False, None
    return run_under_way(results) is not None, changed_ns


def run_under_way(results: str | Path) -> str | None:
    """In words, which run holds the results now; None where none does. Looks only."""
    try:
        with open(_path(results)) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return _words(results)
    return None


def _taken(lock: IO[str]) -> bool:
    """Take the lock; a dry run or another look at it (`run_under_way`) may have it for an instant."""
    for _ in range(_LOOKS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK_S)
        else:
            return True
    return False


def _path(results: str | Path) -> Path:
    return Path(results) / ".run.lock"


def _holder(results: str | Path) -> dict[str, Any]:
    """What the latest run noted of itself; empty where it ended by itself, or has not come to note it."""
    try:
        noted = json.loads(_path(results).read_text())
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _words(results: str | Path) -> str:
    holder = _holder(results)
    who = f"process {holder['pid']} on {holder['host']}" if holder else "a process that has just started"
    since = time.strftime(", since %Y-%m-%d %H:%M:%S", time.localtime(holder["since"])) if holder else ""
    return f"another run of this study is under way in {results} ({who}{since})"


def _free(lock: IO[str]) -> None:
    lock.truncate(0)
    lock.close()
