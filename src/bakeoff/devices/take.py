"""How a job's process waits until it has its GPU to itself."""

from __future__ import annotations

import fcntl
import os

from bakeoff.core.job_messages import DEVICE_LOCKS, HAS_DEVICE, WAITING, tell
from bakeoff.devices.start_gate import end_start


def take_device() -> None:
    """Wait until this process has its GPU to itself, as it then has until it ends; to be called before CUDA starts.

    Returns at once where the supervisor gave no lock, and where this process has taken it already.
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
