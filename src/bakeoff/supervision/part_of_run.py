"""What every script of a rule is: a part of one run, which it does not outlive."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bakeoff.artifacts.io import no_space
from bakeoff.core.job_messages import SESSION, new_session

RUN_PID = "BAKEOFF_RUN_PID"
"""Environment variable with the process id of the Snakemake run that a job belongs to, and its host: `1234@name`."""

_POLL_S = 0.5


def say_run() -> None:
    """Tell the jobs to come that this process is their run, and that what they measure is one session."""
    os.environ[RUN_PID] = f"{os.getpid()}@{socket.gethostname()}"
    os.environ[SESSION] = new_session()


def run_pid(environment: Mapping[str, str] = os.environ) -> int | None:
    """Process id of the run that this job belongs to; None where it runs on another host, or there is none."""
    pid, _, host = environment.get(RUN_PID, "").partition("@")
    return int(pid) if pid and host in ("", socket.gethostname()) else None


@contextmanager
def part_of_run() -> Iterator[None]:
    """End this process when its run is gone (a killed Snakemake leaves its scripts running), and say a full disk."""
    run = run_pid()
    if run is not None:
        threading.Thread(target=_end_with, args=(run,), daemon=True).start()
    try:
        yield
    except OSError as error:
        full = no_space(error)
        if full is None:
            raise
        sys.exit(f"bakeoff: {full}")


def _end_with(run: int) -> None:
    try:
        descriptor = os.pidfd_open(run)
    except ProcessLookupError:
        pass
    except OSError:  # a kernel without it
        while os.path.exists(f"/proc/{run}"):
            time.sleep(_POLL_S)
    else:
        select.select([descriptor], [], [])
    os.kill(os.getpid(), signal.SIGTERM)
