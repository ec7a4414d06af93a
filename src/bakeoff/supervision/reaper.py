"""Cleans up after a supervisor that was killed: ends all processes of its job and removes its scratch folder.

The kernel kills only the job's own process together with the supervisor, not what that process had started, such as
compilers.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

# `read` returns when the supervisor's end of the pipe is closed, which the kernel does when the supervisor dies.
_SCRIPT = 'read -r _; kill -s KILL -- "-$1"; rm -rf -- "$2"'


@contextmanager
def reaper(group: int, scratch: str) -> Iterator[None]:
    """A small process that kills a process group and removes a folder, should this process die within the block."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", _SCRIPT, "bakeoff-reaper", str(group), scratch],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()
