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

from bakeoff.jobs.start_gate import end_start

CHANNEL = "BAKEOFF_CHANNEL"
"""Environment variable with the number of the pipe's descriptor."""
DEVICE_LOCKS = "BAKEOFF_DEVICE_LOCKS"
"""Environment variable with descriptors of lock files (`bakeoff.jobs.device_lock.Place.locks`) that the supervisor
opened: the two share the locks, so they outlast this process until the driver has cleaned up after it."""
TURN_LOCK = "BAKEOFF_TURN_LOCK"
"""Environment variable with the descriptor of `bakeoff.jobs.device_lock.Place.turn`, likewise."""

WAITING, HAS_DEVICE, UNDER_WAY = "waiting", "has-device", "under-way"


def keep_to_self() -> None:
    """Let no program that this process starts inherit these descriptors: it could outlive this process."""
    for name in (CHANNEL, DEVICE_LOCKS, TURN_LOCK):
        for descriptor in os.environ.get(name, "").split():
            os.set_inheritable(int(descriptor), False)


def tell(event: str, **facts: Any) -> None:
    """Tell the supervisor."""
    channel = os.environ.get(CHANNEL)
    if channel:
        os.write(int(channel), (json.dumps({"event": event, **facts}) + "\n").encode())


def take_device() -> None:
    """Wait until this process has its GPU to itself, as it does from then on; to be called before CUDA starts.

    Nothing to wait for where there is no lock, or it was taken already.
    """
    locks = os.environ.pop(DEVICE_LOCKS, None)
    if locks is None:
        return
    tell(WAITING)
    lock, *gate = map(int, locks.split())
    if gate:
        end_start(*gate)
    fcntl.flock(lock, fcntl.LOCK_EX)
    tell(HAS_DEVICE)


@contextmanager
def under_way(what: str) -> Iterator[None]:
    """Tell, when the block is over, from when to when it ran (Unix time), for the account of a run's wall time."""
    begin = time.time()
    try:
        yield
    finally:
        tell(UNDER_WAY, what=what, begin=begin, end=time.time())
