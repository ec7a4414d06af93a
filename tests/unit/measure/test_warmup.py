import numpy as np
import pytest

from bakeoff.measure.settings import Warmup
from bakeoff.measure.warmup import LOOK_FACTOR, WarmupCriterion, drift_left


def _warm_up(duration_ms, settings):
    """Samples until the criterion has enough, and the criterion."""
    criterion, samples, elapsed = WarmupCriterion(settings), [], 0.0
    while True:
        samples.append(duration_ms(len(samples)))
        elapsed += samples[-1] / 1e3
        if criterion.over(np.array(samples), elapsed):
            return criterion, samples, elapsed


def test_steady_from_the_start_stops_at_min_s():
    criterion, _, elapsed = _warm_up(lambda i: 10 + 0.01 * (i % 3), Warmup(min_s=0.5, max_s=60.0))
    assert criterion.steady
    assert 0.5 <= elapsed < 0.52


def test_slow_start_is_waited_out():
    # 100 inferences that get faster from 30 to 10 ms: 2 s
    criterion, samples, _ = _warm_up(lambda i: max(10.0, 30 - 0.2 * i), Warmup(min_s=0.3, max_s=60.0))
    assert criterion.steady
    trailing = np.array(samples[-len(samples) // 4 :])
    assert np.median(trailing) <= 10.3


def test_endless_drift_ends_at_max_s_and_is_not_steady():
    criterion, _, elapsed = _warm_up(lambda i: 10 * 1.01**i, Warmup(min_s=0.1, max_s=3.0))
    assert not criterion.steady
    assert elapsed >= 3.0


def test_noise_is_no_drift_but_is_looked_through_for_a_while():
    rng = np.random.default_rng(0)
    criterion, _, elapsed = _warm_up(lambda i: 10 * np.exp(0.3 * rng.standard_normal()), Warmup(min_s=0.5, max_s=9.0))
    assert criterion.steady
    assert 2.0 <= elapsed < 3.2


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_too_few_samples_tell_nothing(n):
    assert drift_left(np.full(n, 10.0)) is None


def test_the_drift_left_is_what_the_same_pace_would_add():
    """1 % a second for 8 s: the quarters lie 2 s apart, and another 4 s would add 4 %."""
    samples, level = [], 10.0
    while sum(samples) < 8000:
        samples.append(level * (1 + 0.01 * sum(samples) / 1e3))
    drift = drift_left(np.array(samples))
    assert drift.left == pytest.approx(0.04, rel=0.1)
    assert drift.shows
    assert not drift.excluded


def test_looks_follow_a_geometric_schedule(monkeypatch):
    looks = []
    monkeypatch.setattr("bakeoff.measure.warmup.drift_left", lambda samples: looks.append(samples.size))
    _warm_up(lambda _: 1.0, Warmup(min_s=0.1, max_s=5.0))
    assert len(looks) < 2 + np.log(50) / np.log(LOOK_FACTOR)
