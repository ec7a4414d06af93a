"""A process that dies with its parent, shown with one whose parent is killed."""

import os
import signal
import subprocess
import sys
import time

import pytest

PARENT = """
import subprocess, sys, time
from bakeoff.core.processes import die_with_parent
child = subprocess.Popen(["sleep", "600"], preexec_fn=die_with_parent if sys.argv[1] == "bound" else None)
print(child.pid, flush=True)
time.sleep(600)
"""


def gone(pid: int) -> bool:
    """Whether a process has ended; what is left of it until somebody asks for its status counts as ended."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("bound", [True, False])
def test_a_child_dies_with_its_parent(root, bound):
    command = [sys.executable, "-c", PARENT, "bound" if bound else "free"]
    env = {**os.environ, "PYTHONPATH": str(root / "src")}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        try:
            parent.kill()
            parent.wait(timeout=30)
            until = time.monotonic() + (30 if bound else 1)
            while not gone(child) and time.monotonic() < until:
                time.sleep(0.02)
            assert gone(child) is bound
        finally:
            if not gone(child):
                os.kill(child, signal.SIGKILL)
