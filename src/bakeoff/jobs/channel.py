"""What a job's process tells its supervisor while it runs, and how it waits for its GPU.

One line of JSON a message, through a pipe. Without a supervisor nothing is told and nothing is waited for.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHANNEL = "BAKEOFF_CHANNEL"
"""Environment variable with the number of the pipe's descriptor."""
DEVICE_LOCK = "BAKEOFF_DEVICE_LOCK"
"""Environment variable with the descriptor of the lock file of this process's GPU, opened by the supervisor: the two
share the lock, so it outlasts this process until the driver has cleaned up after it."""

WAITING, HAS_DEVICE, UNDER_WAY = "waiting", "has-device", "under-way"


def keep_to_self() -> None:
    """Let no program that this process starts inherit the two descriptors: it could outlive this process."""
    for name in (CHANNEL, DEVICE_LOCK):
        if name in os.environ:
            os.set_inheritable(int(os.environ[name]), False)


def tell(event: str, **facts: Any) -> None:
    """Tell the supervisor."""
    channel = os.environ.get(CHANNEL)
    if channel:
        os.write(int(channel), (json.dumps({"event": event, **facts}) + "\n").encode())


def take_device() -> float:
    """Wait until this process has its GPU to itself, as it does from then on; to be called before CUDA starts.

    Nothing to wait for where there is no lock, or it was taken already. Returns the seconds it waited.
    """
    lock = os.environ.pop(DEVICE_LOCK, None)
    if lock is None:
        return 0.0
    begin = time.perf_counter()
    tell(WAITING)
    fcntl.flock(int(lock), fcntl.LOCK_EX)
    tell(HAS_DEVICE)
    return time.perf_counter() - begin


@contextmanager
def under_way(what: str) -> Iterator[None]:
    """Tell, when the block is over, from when to when it ran (Unix time), for the account of a run's wall time."""
    begin = time.time()
    try:
        yield
    finally:
        tell(UNDER_WAY, what=what, begin=begin, end=time.time())
