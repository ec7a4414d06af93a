"""Levels that settle while they are timed are waited out, or told; levels that do not move are not.

Rounds are simulated through the loop itself, with the defaults on a CPU or on a GPU, at 1 ms an inference.
"""

import math

import numpy as np
import pytest
from virtual_session import FakeObserver, virtual

from bakeoff.artifacts.timing import TimingRecord
from bakeoff.collect.warnings.rules import round_warnings
from bakeoff.measure.loop import LoopSettings, measure
from bakeoff.measure.settings import Timing, Warmup
from bakeoff.measure.statistics import summarize

TELLING = {"drifting", "not-steady", "not-converged"}


def settling(by, seconds):
    return lambda t_s: 1 + by * math.exp(-t_s / seconds)


def turbo(until_s):
    return lambda t_s: 1.0 if t_s < until_s else 1.15


LEVELS = {
    "+10 % that settles in 2 s": (settling(0.1, 2.0), 1.0),
    "+10 % that settles in 10 s": (settling(0.1, 10.0), 1.0),
    "+50 % that settles in 2 s": (settling(0.5, 2.0), 1.0),
    "a turbo that ends after 1.5 s": (turbo(1.5), 1.15),
}


def simulated(level, jitter, on_gpu, rng):
    """One round: its median in ms, and the warnings that tell of a drift."""
    noise = iter(np.exp(jitter * rng.standard_normal(60_000)))
    session, clock = virtual(lambda _: level(session.time.ns / 1e9) * next(noise))
    settings = LoopSettings(Warmup().filled_in(on_gpu), Timing(), "cpu")
    measured = measure(session, 1, settings, clock, FakeObserver(session))
    record = TimingRecord(
        target={"study": "s"}, status="ok", latency_ms=summarize(measured.kept.latency_ms), drift=measured.drift,
        converged=measured.converged, warmup={"n": 1, "s": measured.warmup_s, "steady": measured.steady},
    )  # fmt: skip
    return record.latency_ms.median, TELLING & set(round_warnings(record))


@pytest.mark.parametrize("on_gpu", [False, True], ids=["cpu", "gpu"])
@pytest.mark.parametrize("jitter", [0.01, 0.02])
@pytest.mark.parametrize("name", LEVELS)
def test_a_level_that_settles_is_waited_out_or_told(name, jitter, on_gpu):
    level, settled_ms = LEVELS[name]
    rng, fine = np.random.default_rng(0), 0
    for _ in range(3):
        median_ms, told = simulated(level, jitter, on_gpu, rng)
        fine += bool(told) or abs(median_ms / settled_ms - 1) < 0.01
    assert fine == 3


@pytest.mark.parametrize("jitter", [0.01, 0.05])
def test_a_level_that_does_not_move_is_not_said_to_drift(jitter):
    rng = np.random.default_rng(1)
    told = [simulated(lambda _: 1.0, jitter, False, rng)[1] for _ in range(12)]
    assert sum(map(bool, told)) <= 2


def test_windows_close_together_would_not_see_it():
    """The method before this: two windows 75 ms apart allow 1 % between them, which is 13 % a second."""
    t = np.cumsum(np.full(300, 1e-3))
    level = 1 + 0.1 * np.exp(-t / 2)
    third, fourth = level[150:225], level[225:]
    assert abs(np.median(third) / np.median(fourth) - 1) < 0.01
