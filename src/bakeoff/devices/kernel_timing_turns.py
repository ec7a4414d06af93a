"""Turns at timing kernels on a GPU that other builds use, too.

Builds that tune compile for minutes and time kernels for seconds in between. If two of them timed at once, each would
upset the other's choices; if one waited until the other is done, it would wait for compilers that do not use the GPU.
So each holds a lock of the GPU only while it times kernels; see `bakeoff.backends.base.EngineSpec.kernel_timing_turn`.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bakeoff.core.job_messages import HAS_DEVICE, TURN_LOCK, WAITING, tell


class KernelTimingTurns:
    """The turns that this process takes; calling it gives the context of one turn.

    A supervised build that uses a GPU waits until no other build has its turn there. Any other process waits for
    nobody. A turn that a thread begins within its own turn is part of that one.
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
