"""Ends what a killed supervisor leaves: the processes of its job, compilers and all, and its scratch folder."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

# Reads until the supervisor's end of the pipe is closed, which the kernel does on any death of it.
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
