"""Turns at timing kernels on a GPU that other builds use, too.

Tuning builds compile for minutes and time kernels for seconds in between. Two that timed at once would upset each
other's choices, and one that waited for the other's end would wait for its compilers. So each holds a lock of the GPU
only while it times; see `bakeoff.backends.base.EngineSpec.alone`.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bakeoff.core.job_messages import HAS_DEVICE, TURN_LOCK, WAITING, tell


class Turns:
    """The turns of this process, which waits for others' (a build that is supervised and uses a GPU, else nobody's).

    Calling it gives the context of one turn. A turn within a turn of the same thread is part of it.
    """

    def __init__(self) -> None:
        lock = os.environ.get(TURN_LOCK)
        self._lock = int(lock) if lock else None
        self._thread = threading.RLock()
        self._depth = 0
        self.waited_s = 0.0
        """Seconds that this process has waited for others' turns to end."""

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Wait for the turn, and keep it for the block."""
        with self._thread:
            if self._depth == 0:
                self._begin()
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0 and self._lock is not None:
                    fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _begin(self) -> None:
        if self._lock is None:
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            since = time.perf_counter()
            tell(WAITING)  # the time limit stands still
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            tell(HAS_DEVICE)
            self.waited_s += time.perf_counter() - since
