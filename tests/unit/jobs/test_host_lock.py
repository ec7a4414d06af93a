"""Who may use the host's processor when. Each `place` opens its lock files anew, so threads stand for processes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from lock_files import overlap

from bakeoff.core.machine import Gpu
from bakeoff.devices import locks
from bakeoff.devices.locks import MEASUREMENTS, WORK, place

GPUS = (Gpu(0, "H200", 10**9, (9, 0), "GPU-0"),)
SOON_S = 0.15


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Locks of these tests alone, and no waiting for others that start."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(locks, "begin_start", lambda *_: None)


def held_while(stage, device, gpus, event, until, words=None):
    """From when to when a job had its place; it keeps it until the other event."""
    with place(stage, device, gpus, (words if words is not None else []).append):
        begin = time.monotonic()
        event.set()
        until.wait(10)
        return begin, time.monotonic()


@contextmanager
def somebody(stage, device="cpu", gpus=()):
    """A job that has its place for the block."""
    there, leave = threading.Event(), threading.Event()
    with ThreadPoolExecutor() as pool:
        held = pool.submit(held_while, stage, device, gpus, there, leave)
        try:
            assert there.wait(5)
            yield
        finally:
            leave.set()
        held.result()


def comes_in(stage, device="cpu", gpus=(), words=None):
    """Whether a job gets its place soon; it leaves at once."""
    there, leave = threading.Event(), threading.Event()
    leave.set()
    thread = threading.Thread(target=held_while, args=(stage, device, gpus, there, leave, words), daemon=True)
    thread.start()
    return there.wait(SOON_S)


ON_CPU = [("cpu", ()), ("cuda:0", GPUS)]


@pytest.mark.parametrize("stage", WORK)
@pytest.mark.parametrize(("device", "gpus"), ON_CPU)
def test_no_work_of_any_study_beside_a_measurement_on_the_processor(stage, device, gpus):
    words = []
    with somebody("time"):
        assert not comes_in(stage, device, gpus, words)
        assert words == ["waiting: another study is measuring on this machine's processor"]
    assert comes_in(stage, device, gpus)


@pytest.mark.parametrize("stage", MEASUREMENTS)
def test_a_measurement_on_a_gpu_needs_the_processor_too(stage):
    with somebody("time"):
        assert not comes_in(stage, "cuda:0", GPUS)
    with somebody(stage, "cuda:0", GPUS):
        assert not comes_in("profile")


@pytest.mark.parametrize("stage", WORK)
def test_work_goes_side_by_side_and_keeps_measurements_out(stage):
    with somebody("build"), somebody("build", "cuda:0", GPUS):
        assert comes_in(stage)
        assert not comes_in("time")


def test_a_measurement_that_waits_is_not_passed_by_new_work():
    """Without the gate, builds that follow one another would keep it waiting for ever."""
    first, leave, measuring, done = (threading.Event() for _ in range(4))
    with ThreadPoolExecutor() as pool:
        build = pool.submit(held_while, "build", "cpu", (), first, leave)
        assert first.wait(5)
        measured = pool.submit(held_while, "time", "cpu", (), measuring, done)
        time.sleep(SOON_S)
        later_there = threading.Event()
        later = pool.submit(held_while, "export", "cpu", (), later_there, done)
        assert not later_there.wait(SOON_S)
        leave.set()
        assert measuring.wait(5)
        assert not later_there.wait(SOON_S)
        done.set()
        spans = [job.result() for job in (build, measured, later)]
    assert not any(overlap(spans[1], other) for other in (spans[0], spans[2]))


def test_without_the_gate_it_would_be_passed(monkeypatch):
    """Guards the test above: a shared lock lets new sharers in while somebody waits to have it alone."""
    real = locks._locked

    @contextmanager
    def no_gate(name, how, say, waiting):
        if name == "gate":
            yield
            return
        with real(name, how, say, waiting):
            yield

    monkeypatch.setattr(locks, "_locked", no_gate)
    with somebody("build"):
        assert not comes_in("time")
        assert comes_in("export")
