"""Turns at timing kernels: shown with builds in processes of their own that write down when they had theirs."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from lock_files import is_free, overlap, wait_until_locked

from bakeoff.devices.kernel_timing_turns import KernelTimingTurns

CHILD = """
import json, os, time
from bakeoff.devices.kernel_timing_turns import KernelTimingTurns
turns, held = KernelTimingTurns(), []
for hold_s in HOLD_S:
    with turns():
        begin = time.monotonic()
        time.sleep(hold_s)
        held.append((begin, time.monotonic()))
    time.sleep(0.05)
open(NOTE, "w").write(json.dumps([os.environ["CUDA_VISIBLE_DEVICES"], held, turns.waited_s]))
"""
BUILD = """
import sys
from bakeoff.supervision import supervise
from bakeoff.devices.locks import place
from bakeoff.core.machine import Gpu

n_gpus, note, limit_s, child = sys.argv[1:]
gpus = tuple(Gpu(index, "H200", 10**9, (9, 0), f"GPU-{index}") for index in range(int(n_gpus)))
supervise._command = lambda *_: [sys.executable, "-c", child]
target = {"study": "s", "model": "m", "backend": "b", "precision": "fp32"}
with place("build", "cuda:0", gpus, print) as where:
    job = {"target": target, "device": "cuda:0"}
    print(supervise.run_stage("build", job, f"{note}.json", f"{note}.log", 0, float(limit_s), [], where).reason)
"""


class Build:
    """A supervised build in a process of its own that takes turns of some seconds each."""

    def __init__(self, note: Path, gpus: int, hold_s: list[float], limit_s: float) -> None:
        self.note = note
        child = CHILD.replace("HOLD_S", repr(hold_s)).replace("NOTE", repr(str(note)))
        command = [sys.executable, "-c", BUILD, str(gpus), str(note), str(limit_s), child]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def result(self) -> tuple[str, list[list[float]], float]:
        """(UUID of the GPU that it saw, begin and end of each turn, seconds that it waited)."""
        said, _ = self.process.communicate(timeout=60)
        return json.loads(self.note.read_text()) if self.note.exists() else pytest.fail(said)


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Starts a build that sees the locks of this test alone."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    numbers = itertools.count()

    def start(gpus: int, hold_s: list[float], limit_s: float = 60) -> Build:
        return Build(tmp_path / f"note{next(numbers)}", gpus, hold_s, limit_s)

    return start


def test_turns_on_one_gpu_do_not_overlap_and_alternate_and_the_wait_is_known(build):
    (_, one, waited_s), (_, other, also_waited_s) = [job.result() for job in [build(1, [0.8] * 3) for _ in range(2)]]
    assert not any(overlap(*pair) for pair in itertools.product(one, other))
    first, second = sorted((one, other))
    assert second[0][0] < first[2][1]
    assert max(waited_s, also_waited_s) > 0.3


def test_gpus_have_turns_of_their_own(build):
    (gpu, one, _), (other_gpu, other, _) = [job.result() for job in [build(2, [3.0]) for _ in range(2)]]
    assert gpu != other_gpu
    assert overlap(one[0], other[0])


def test_the_limit_stands_still_while_a_build_waits_for_its_turn(build):
    long = build(1, [6.0])
    assert [len(job.result()[1]) for job in (long, build(1, [0.1] * 3, limit_s=4.0))] == [1, 3]


def test_who_dies_in_its_turn_ends_it(build, tmp_path):
    stuck = build(1, [600.0])
    wait_until_locked(tmp_path, "GPU-0-turn")
    stuck.process.kill()
    stuck.process.wait(timeout=30)
    assert len(build(1, [0.1]).result()[1]) == 1


def test_without_a_lock_a_turn_is_just_begun(monkeypatch):
    monkeypatch.delenv("BAKEOFF_TURN_LOCK", raising=False)
    turns = KernelTimingTurns()
    with turns(), turns():
        pass
    assert turns.waited_s == 0


def test_turns_nest_in_a_thread_and_exclude_other_threads(tmp_path, monkeypatch):
    order = []
    file = tmp_path / "lock"
    with open(file, "w") as lock:
        monkeypatch.setenv("BAKEOFF_TURN_LOCK", str(lock.fileno()))
        turns = KernelTimingTurns()

        def other() -> None:
            with turns():
                order.append("other")

        with turns():
            thread = threading.Thread(target=other)
            thread.start()
            with turns():
                assert not is_free(file)
            assert not is_free(file)
            thread.join(timeout=0.3)
            order.append("outer")
        thread.join(timeout=30)
        assert order == ["outer", "other"]
        assert is_free(file)
