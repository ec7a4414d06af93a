import numpy as np
import pytest

from bakeoff.measure import statistics
from bakeoff.measure.statistics import (
    median_interval,
    quantile_interval,
    relative_half_width,
    summarize,
    t_quantile,
)


def test_summary_of_known_sample():
    summary = summarize(np.arange(1.0, 151.0))
    assert (summary.n, summary.median, summary.mean, summary.min, summary.max) == (150, 75.5, 75.5, 1, 150)
    assert summary.std == pytest.approx(np.std(np.arange(150), ddof=1))
    assert summary.p90 is not None
    assert summary.p95 is None
    assert summary.p99 is None


def test_empty_sample_is_refused():
    with pytest.raises(ValueError, match="without values"):
        summarize(np.empty(0))


@pytest.mark.parametrize("n", [1, 2, 5, 50, 1000])
def test_equal_samples_have_an_interval_of_no_width(n):
    assert median_interval(np.full(n, 3.0)) == (3.0, 3.0)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_interval_of_few_samples_is_their_range(n):
    samples = np.array([5.0, 1.0, 4.0, 2.0, 3.0])[:n]
    assert median_interval(samples) == (samples.min(), samples.max())


def test_ranks_match_the_binomial_interval_for_independent_samples():
    # n = 100: ranks 40 and 61 are the textbook's (coverage 0.9648)
    samples = np.random.default_rng(3).permutation(np.arange(1.0, 101.0))
    low, high = median_interval(samples)
    assert 38 <= low <= 41
    assert 60 <= high <= 63


def _ar1(rng: np.random.Generator, phi: float, shape: tuple[int, int]) -> np.ndarray:
    noise = rng.standard_normal(shape)
    x = np.empty(shape)
    x[:, 0] = noise[:, 0] / np.sqrt(1 - phi**2)
    for t in range(1, shape[1]):
        x[:, t] = phi * x[:, t - 1] + noise[:, t]
    return x


@pytest.mark.parametrize(
    ("phi", "n", "least"), [(0, 20, 0.94), (0, 500, 0.935), (0.3, 300, 0.93), (0.6, 300, 0.92), (0.9, 1000, 0.90)]
)
def test_coverage_with_autocorrelation(phi, n, least):
    sequences = np.exp(0.1 * _ar1(np.random.default_rng(7), phi, (800, n)))
    covered = [low <= 1 <= high for low, high in map(median_interval, sequences)]
    assert least <= np.mean(covered) < 0.995


def test_a_slow_wander_under_jitter_is_seen():
    """Jitter of 5 % on a wander of 2 % that lasts for 500 inferences; by neighbours alone coverage was 22 %."""
    rng = np.random.default_rng(8)
    slow = _ar1(rng, 0.998, (100, 10_000)) * np.sqrt(1 - 0.998**2)
    sequences = np.exp(0.02 * slow + 0.05 * rng.standard_normal(slow.shape))
    covered = [low <= 1 <= high for low, high in map(median_interval, sequences)]
    assert np.mean(covered) >= 0.85


def test_neighbours_alone_do_not_see_it(monkeypatch):
    monkeypatch.setattr(statistics, "_MIN_MEANS", 10**9)  # so that no means are looked at
    rng = np.random.default_rng(8)
    slow = _ar1(rng, 0.998, (30, 10_000)) * np.sqrt(1 - 0.998**2)
    sequences = np.exp(0.02 * slow + 0.05 * rng.standard_normal(slow.shape))
    assert np.mean([low <= 1 <= high for low, high in map(median_interval, sequences)]) < 0.5


@pytest.mark.parametrize("n", [100, 1000, 10_000])
def test_independent_samples_pay_little_for_it(monkeypatch, n):
    sequences = np.exp(0.05 * np.random.default_rng(9).standard_normal((600_000 // (10 * n) + 40, n)))

    def mean_width():
        return np.mean([high - low for low, high in map(median_interval, sequences)])

    wide = mean_width()
    monkeypatch.setattr(statistics, "_MIN_MEANS", 10**9)
    assert wide <= 1.10 * mean_width()


@pytest.mark.parametrize("n", [2000, 10_000])
@pytest.mark.parametrize("spikes", [False, True])
def test_coverage_of_a_99th_percentile(n, spikes):
    """Of durations as they are, and with one in a hundred taking ten times as long."""
    rng = np.random.default_rng(10)
    samples = np.exp(0.05 * rng.standard_normal((120, n)))
    if spikes:
        samples[rng.random(samples.shape) < 0.01] *= 10
    reference = np.exp(0.05 * rng.standard_normal(2_000_000))
    if spikes:
        reference[rng.random(reference.shape) < 0.01] *= 10
    truth = np.quantile(reference, 0.99)
    covered = [low <= truth <= high for low, high in (quantile_interval(s, 0.99) for s in samples)]
    assert np.mean(covered) >= 0.90


def test_an_interval_for_independent_samples_would_not_cover():
    """Guards the test above: it is the autocorrelation that is handled, not a generous interval."""
    sequences = np.exp(0.1 * _ar1(np.random.default_rng(7), 0.9, (400, 1000)))
    rng = np.random.default_rng(0)
    covered = [low <= 1 <= high for low, high in (median_interval(rng.permutation(s)) for s in sequences)]
    assert np.mean(covered) < 0.6


def test_drift_widens_the_interval():
    rng = np.random.default_rng(1)
    drifting = np.linspace(1, 1.5, 1000) + 0.01 * rng.standard_normal(1000)
    shuffled = rng.permutation(drifting)
    widths = [relative_half_width(np.median(x), median_interval(x)) for x in (drifting, shuffled)]
    assert widths[0] > 3 * widths[1]


def test_relative_half_width_takes_the_farther_end():
    assert relative_half_width(10, (9.9, 10.5)) == pytest.approx(0.05)
    assert relative_half_width(10, (9, 10.5)) == pytest.approx(0.1)


@pytest.mark.parametrize("freedom", [1, 1.4, 2, 2.7, 3, 3.6, 4, 5, 11.3, 60, 1e6, np.inf])
def test_t_quantile_against_scipy(freedom):
    scipy_stats = pytest.importorskip("scipy.stats")
    exact = scipy_stats.t.ppf(0.975, freedom) if np.isfinite(freedom) else scipy_stats.norm.ppf(0.975)
    assert t_quantile(freedom) == pytest.approx(exact, rel=0.03 if freedom < 2 else 0.005)
