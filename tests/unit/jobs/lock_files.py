"""What tests of who uses a device when ask about the lock files and about times."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest


def overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two spans (begin, end) share time."""
    return one[0] < other[1] and other[0] < one[1]


def is_free(lock: Path) -> bool:
    """Whether nobody holds a lock file, which exists."""
    with open(lock) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def wait_until_locked(folder: Path, name: str) -> None:
    """Wait until a process holds a lock of a host whose temporary files are in `folder`."""
    lock = folder / f"bakeoff-locks-{os.getuid()}" / f"{name}.lock"
    for _ in range(1200):
        if lock.exists() and not is_free(lock):
            return
        time.sleep(0.05)
    pytest.fail(f"no process took the lock {name}")
