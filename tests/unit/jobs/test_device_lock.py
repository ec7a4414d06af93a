"""Who may use a device when: shown with processes that write down when they had it."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from lock_files import overlap, wait_until_locked

from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.timing import TimingRecord
from bakeoff.core.machine import Gpu
from bakeoff.devices.locks import place
from bakeoff.supervision import supervise

GPUS = tuple(Gpu(index, "H200", 10**9, (9, 0), f"GPU-{index}") for index in range(2))
START_S = 0.2
TARGET = {"study": "s", "model": "m", "backend": "b", "precision": "fp32", "batch_size": 1, "round": 1}

JOB = """
import os, sys, time
from pathlib import Path
from bakeoff.core import job_messages as channel
from bakeoff.supervision.supervise import run_stage
from bakeoff.supervision import supervise
from bakeoff.devices.locks import place
from bakeoff.core.machine import Gpu

stage, gpus, note, hold_s, start_s = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), *map(float, sys.argv[4:])
gpus = tuple(Gpu(index, "H200", 10**9, (9, 0), f"GPU-{index}") for index in range(gpus))
child = '''
import os, time
from bakeoff.devices import take
started = time.monotonic()
time.sleep(%r)
take.take_device()
begin = time.monotonic()
time.sleep(%r)
open(%r, "w").write(f"{os.environ['CUDA_VISIBLE_DEVICES']} {started} {begin} {time.monotonic()} {os.getpid()}")
''' % (start_s, hold_s, str(note))
supervise._command = lambda *_: [sys.executable, "-c", child]
target = {"study": "s", "model": "m", "backend": "b", "precision": "fp32"}
with place(stage, "cuda:0", gpus, lambda words: None) as where:
    run_stage(stage, {"target": target, "device": "cuda:0"}, f"{note}.json", f"{note}.log", 0, 30, [], where)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Locks of these tests alone."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


class Job:
    """A supervised job in a process of its own that starts for `start_s` seconds, then has its device for `hold_s`.

    On a busy machine, jobs that are asked for together come to their start a second apart.
    """

    numbers = itertools.count()

    def __init__(self, folder: Path, stage: str, gpus: int, hold_s: float, start_s: float = START_S) -> None:
        self.note = folder / f"note{next(self.numbers)}"
        arguments = [stage, str(gpus), str(self.note), str(hold_s), str(start_s)]
        self.process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(JOB), *arguments])

    def result(self) -> tuple[str, float, float, float]:
        """(UUID of the GPU that it saw, start, when it had the device, end)."""
        assert self.process.wait(timeout=60) == 0
        gpu, *times, _pid = self.note.read_text().split()
        return gpu, *map(float, times)


def test_one_gpu_is_measured_on_by_one_process_at_a_time_while_the_next_ones_start(folder):
    jobs = [Job(folder, "time", 1, 0.5, start_s=2.0) for _ in range(3)]
    found = sorted((job.result() for job in jobs), key=lambda result: result[2])
    assert {gpu for gpu, *_ in found} == {"GPU-0"}
    for (_, _, begin, end), (_, _, later, later_end) in itertools.pairwise(found):
        assert not overlap((begin, end), (later, later_end))
    starts = [start for _, start, _, _ in found]
    assert max(starts) < found[1][2]


@pytest.mark.parametrize("gpus", [1, 2])
def test_nobody_starts_beside_a_measurement(folder, gpus):
    jobs = [Job(folder, "time", gpus, 1.0) for _ in range(3)]
    wait_until_locked(folder, "GPU-0")
    jobs += [Job(folder, stage, gpus, 0.5) for stage in ("profile", "time", "environment")]
    found = [job.result() for job in jobs]
    starts = [(started, started + START_S) for _, started, _, _ in found]
    measured = [(begin, end) for *_, begin, end in found]
    assert not any(overlap(start, held) for start, held in itertools.product(starts, measured))
    assert max(starts)[0] > min(end for _, end in measured)  # somebody was made to wait


def test_a_job_that_dies_while_it_starts_holds_nobody_up(folder):
    dying = Job(folder, "time", 1, 600)
    other = Job(folder, "time", 1, 0.1)
    children = Path(f"/proc/{dying.process.pid}/task/{dying.process.pid}/children")
    while not children.read_text():
        time.sleep(0.01)
    dying.process.kill()
    dying.process.wait(timeout=30)
    assert other.result()[0] == "GPU-0"
    assert Job(folder, "profile", 1, 0.1).result()[0] == "GPU-0"


def test_two_gpus_are_measured_on_at_once_and_shared_evenly(folder):
    jobs = [Job(folder, "time", 2, 2.0, start_s=1.0) for _ in range(4)]
    found = [job.result() for job in jobs]
    by_gpu = {uuid: [(begin, end) for gpu, _, begin, end in found if gpu == uuid] for uuid in ("GPU-0", "GPU-1")}
    assert [len(held) for held in by_gpu.values()] == [2, 2]
    assert not any(overlap(*held) for held in by_gpu.values())
    assert any(overlap(one, other) for one, other in itertools.product(*by_gpu.values()))


def test_builds_run_side_by_side_but_never_beside_a_measurement(folder):
    jobs = [Job(folder, stage, 2, 1.5) for stage in ("build", "verify", "time", "profile")]
    (_, _, *build), (_, _, *verify), *measured = [job.result() for job in jobs]
    for _, _, begin, end in measured:
        assert not overlap((begin, end), tuple(build))
        assert not overlap((begin, end), tuple(verify))
    shared = [Job(folder, "build", 1, 3.0) for _ in range(2)]
    assert overlap(*[job.result()[2:] for job in shared])


@pytest.mark.parametrize("victim", ["supervisor", "child"])
def test_a_killed_job_leaves_no_lock(folder, victim):
    """The next job gets the GPU, whoever was killed while the first one had it."""
    first = Job(folder, "time", 1, 600)
    children = Path(f"/proc/{first.process.pid}/task/{first.process.pid}/children")
    wait_until_locked(folder, "GPU-0")
    child = int(children.read_text().split()[0])
    os.kill(first.process.pid if victim == "supervisor" else child, signal.SIGKILL)
    first.process.wait(timeout=30)
    assert Job(folder, "time", 1, 0.1).result()[0] == "GPU-0"


def test_waiting_for_the_gpu_is_not_in_the_limit_nor_in_the_time_taken(folder, monkeypatch):
    limit_s = 4.0
    first = Job(folder, "time", 1, 1.5 * limit_s)
    wait_until_locked(folder, "GPU-0")
    code = "from bakeoff.devices import take; import time; take.take_device(); time.sleep(0.3)"
    record, heard = _run(folder, monkeypatch, code, limit_s)
    first.result()
    assert record.error_type != "timeout"
    assert record.wall_s < limit_s
    assert [message["event"] for message in heard] == ["waiting", "has-device"]


def test_a_hang_after_the_wait_ends_at_the_limit(folder, monkeypatch):
    code = "from bakeoff.devices import take; import time; take.take_device(); time.sleep(600)"
    record, _ = _run(folder, monkeypatch, code, limit_s=2)
    assert record.error_type == "timeout"


def test_a_hang_before_the_wait_ends_at_the_limit(folder, monkeypatch):
    record, heard = _run(folder, monkeypatch, "import time; time.sleep(600)", limit_s=2)
    assert record.error_type == "timeout"
    assert heard == []


def _run(folder, monkeypatch, code, limit_s):
    """The record of a timing job, and what its process told."""
    monkeypatch.setattr(supervise, "_command", lambda *_: [sys.executable, "-c", code])
    heard = []
    with place("time", "cuda:0", GPUS[:1], lambda words: None) as where:
        out, log = str(folder / "timing.json"), str(folder / "log")
        job = {"target": TARGET, "device": "cuda:0"}
        return supervise.run_stage("time", job, out, log, 0, limit_s, [], where, heard.append), heard


def test_the_job_sees_one_gpu_and_the_record_names_it_as_the_host_does(folder, monkeypatch):
    good = TimingRecord(target=TARGET, status="ok", device="cuda:0").model_dump_json(by_alias=True)
    code = f"""
        import json, os, sys
        spec = json.load(open(sys.argv[1]))
        print(spec["job"]["device"], os.environ["CUDA_VISIBLE_DEVICES"])
        open(sys.argv[2], "w").write({good!r})
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    monkeypatch.setattr(supervise, "_command", lambda _stage, spec, made: [*command, str(spec), str(made)])
    log = folder / "log"
    with place("time", "cuda:1", GPUS[1:], lambda words: None) as where:
        job = {"target": TARGET, "device": "cuda:1"}
        record = supervise.run_stage("time", job, str(folder / "timing.json"), str(log), 0, 30, [], where)
    assert log.read_text() == "cuda:0 GPU-1\n"
    assert record.device == "cuda:1"
    assert json.loads((folder / "timing.json").read_text())["device"] == "cuda:1"


def test_on_a_cpu_the_supervisor_holds_the_lock_and_says_that_it_waits(folder):
    said = []
    with place("time", "cpu", (), said.append) as where:
        assert where.gpu is None
        assert not where.locks
        code = """
            import sys
            from bakeoff.devices.locks import place
            with place("profile", "cpu", (), lambda words: print(words, flush=True)):
                print("has it", flush=True)
        """
        other = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True)
        assert other.stdout.readline() == "waiting: another study is at work on this machine\n"
    assert other.stdout.readline() == "has it\n"
    other.wait(timeout=30)
    assert said == []


def test_a_job_without_a_device_shares_the_locks_but_sees_no_gpu_of_its_own(folder):
    with place("export", None, GPUS, pytest.fail) as where:
        assert where.gpu is None


def test_programs_that_a_job_starts_do_not_inherit_the_lock(folder, monkeypatch):
    """A compiler left running would otherwise keep the GPU."""
    code = f"""
        import os, subprocess, sys
        from bakeoff.core import job_messages as channel
        from bakeoff.devices import take
        lock, *gate = map(int, os.environ[channel.DEVICE_LOCKS].split())
        channel.keep_to_self()
        take.take_device()
        told = subprocess.run([sys.executable, "-c", f"import os; os.fstat({{lock}})"], close_fds=False)
        open({str(folder / "status")!r}, "w").write(str(told.returncode))
    """
    _run(folder, monkeypatch, textwrap.dedent(code), limit_s=60)
    assert (folder / "status").read_text() == "1"


def test_a_record_without_a_device_is_left_as_it_is(folder, monkeypatch):
    good = BuildRecord(target=TARGET, status="ok").model_dump_json(by_alias=True)
    code = f"import sys; open(sys.argv[1], 'w').write({good!r})"
    monkeypatch.setattr(supervise, "_command", lambda _s, _f, made: [sys.executable, "-c", code, str(made)])
    with place("build", "cuda:0", GPUS, pytest.fail) as where:
        job = {"target": TARGET, "device": "cuda:0"}
        record = supervise.run_stage("build", job, str(folder / "b.json"), str(folder / "log"), 0, 30, [], where)
    assert record.device is None
