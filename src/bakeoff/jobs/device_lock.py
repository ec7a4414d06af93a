"""One measurement at a time on a device, also between studies: a file lock that the kernel frees on any death."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def device_lock(device: str, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a device (`cpu`, `cuda:0`) on this host; `say` is told when it must be waited for."""
    folder = Path(tempfile.gettempdir()) / f"bakeoff-locks-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with open(folder / f"{device.replace(':', '')}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting: another study is measuring on {device}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
