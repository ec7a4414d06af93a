"""What a job's process and its supervisor tell each other.

The process tells what it does while it runs, one line of JSON a message, through a pipe; without a supervisor nothing
is told. The supervisor, and the run above it, tell the process by environment variables.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

CHANNEL = "BAKEOFF_CHANNEL"
"""Environment variable with the number of the pipe's descriptor."""
DEVICE_LOCKS = "BAKEOFF_DEVICE_LOCKS"
"""Environment variable with descriptors of lock files (`bakeoff.devices.locks.Place.locks`) that the supervisor
opened. Both processes hold the locks, so they are released only when the supervisor lets go of them, too: by then the
driver has cleaned up after this process."""
TURN_LOCK = "BAKEOFF_TURN_LOCK"
"""Environment variable with the descriptor of `bakeoff.devices.locks.Place.kernel_timing_lock`, likewise."""

SESSION = "BAKEOFF_SESSION"
"""Environment variable with the session of the run that a job belongs to, to which each host adds its name."""
DEVICE = "BAKEOFF_DEVICE"
"""Environment variable with the device that the supervisor chose, as `cuda:1`. The job itself sees that one alone, and
calls it `cuda:0`."""

ORDER = "BAKEOFF_ORDER"
"""Environment variable with the place of a measurement among those of its round."""

WAITING, HAS_DEVICE, UNDER_WAY = "waiting", "has-device", "under-way"


def new_session() -> str:
    """A name for a stretch of measuring that begins now: no other run has it."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}"


def session_id(environment: Mapping[str, str] = os.environ) -> str:
    """The session of a measurement: that of its run, on this host. A job without a run is a session of its own."""
    return f"{environment.get(SESSION) or new_session()}@{socket.gethostname()}"


def place_in_round(environment: Mapping[str, str] = os.environ) -> int | None:
    """The place of this measurement among those of its round; None without a run."""
    place = environment.get(ORDER)
    return int(place) if place else None


def device_used(environment: Mapping[str, str] = os.environ) -> str | None:
    """The device that the supervisor chose for this job; None without a supervisor."""
    return environment.get(DEVICE)


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


@contextmanager
def under_way(what: str) -> Iterator[None]:
    """Tell, when the block is over, from when to when it ran (Unix time), for the account of a run's wall time."""
    begin = time.time()
    try:
        yield
    finally:
        tell(UNDER_WAY, what=what, begin=begin, end=time.time())
