import itertools

import numpy as np

from bakeoff.measure import stopping
from bakeoff.measure.settings import Timing
from bakeoff.measure.stopping import StoppingCriterion, is_converged


def _n_until_over(samples_ms, settings):
    criterion = StoppingCriterion(settings)
    elapsed = np.cumsum(samples_ms) / 1e3
    return next(n for n in range(1, len(samples_ms) + 1) if criterion.over(samples_ms[:n], elapsed[n - 1]))


def test_quiet_target_stops_at_min_s():
    assert _n_until_over(np.full(5000, 1.0), Timing(min_s=0.3, max_s=5.0)) == 300


def test_noisy_target_goes_on_until_the_interval_is_narrow():
    samples = np.exp(0.2 * np.random.default_rng(0).standard_normal(50_000))
    n = _n_until_over(samples, Timing(min_s=0.05, max_s=100.0, ci_rel=0.01))
    # iid: half-width 1.96 · sqrt(pi/2) · 0.2 / sqrt(n) = 0.01 at n = 2414
    assert 1200 < n < 4500
    assert is_converged(samples[:n], 0.01)


def test_max_s_stops_what_does_not_converge():
    samples = np.exp(2.0 * np.random.default_rng(0).standard_normal(5000))
    n = _n_until_over(samples, Timing(min_s=0.1, max_s=1.0, ci_rel=0.001))
    assert samples[:n].sum() >= 1000 > samples[: n - 1].sum()
    assert not is_converged(samples[:n], 0.001)


def test_min_samples_hold_even_past_max_s():
    assert _n_until_over(np.full(50, 10_000.0), Timing(min_s=0.1, max_s=1.0, min_samples=12)) == 12


def test_looks_are_rare(monkeypatch):
    looks = []
    monkeypatch.setattr(stopping, "is_converged", lambda samples, _: bool(looks.append(samples.size)))
    _n_until_over(np.full(20_001, 1.0), Timing(min_s=0.01, max_s=20.0, min_samples=10))
    assert 20 < len(looks) < 100
    assert all(later >= min(1.09 * earlier, earlier + 1) for earlier, later in itertools.pairwise(looks))
