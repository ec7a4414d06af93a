import numpy as np
import pytest
from scipy.special import polygamma

from bakeoff.artifacts.timing import Distribution
from bakeoff.collect.intervals import RoundNoise, fit_prior, inverse_trigamma

WITHIN = 0.002


def _round(median_ms: float, within: float = WITHIN) -> Distribution:
    ci95 = (median_ms * np.exp(-1.96 * within), median_ms * np.exp(1.96 * within))
    return Distribution(
        median=median_ms, mean=median_ms, std=0, min=median_ms, max=median_ms, p90=None, p95=None, p99=None,
        ci95=ci95, n=50,
    )  # fmt: skip


def _noise(log_medians: np.ndarray, within: float = WITHIN) -> RoundNoise[int]:
    return RoundNoise({j: [_round(float(np.exp(v)), within) for v in row] for j, row in enumerate(log_medians)})


class Simulation:
    """Studies of targets whose noise between rounds differs (log-normally), with noise that a round's targets share."""

    def __init__(self, targets: int, rounds: int, shared: float, spread: float, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.shape = (targets, rounds)
        self.shared = shared
        self.truth = self.rng.uniform(0, 4, targets)
        self.spread = spread

    def study(self, sd: np.ndarray) -> RoundNoise[int]:
        own = sd[:, None] * self.rng.standard_normal(self.shape)
        shared = self.shared * self.rng.standard_normal((1, self.shape[1]))
        return _noise(self.truth[:, None] + own + shared + WITHIN * self.rng.standard_normal(self.shape))

    def sd(self) -> np.ndarray:
        return 0.01 * np.exp(self.spread * self.rng.standard_normal(self.shape[0]))


@pytest.mark.parametrize(("shared", "spread"), [(0.0, 0.0), (0.0, 0.7), (0.02, 0.5)])
@pytest.mark.parametrize("targets", [5, 20])
def test_coverage_at_three_rounds(targets, shared, spread):
    simulation = Simulation(targets, 3, shared, spread)
    latencies, ratios = [], []
    for _ in range(2400 // targets):
        noise = simulation.study(simulation.sd())
        for j, truth in enumerate(simulation.truth):
            interval = noise.latency_ms(j)
            latencies.append(interval.low <= np.exp(truth) <= interval.high)
            if j:
                ratio = noise.ratio(0, j)
                ratios.append(ratio.low <= np.exp(simulation.truth[0] - truth) <= ratio.high)
    # the targets of a study share noise, so these shares are surer than to ± 0.01 only roughly
    assert 0.93 <= np.mean(latencies) <= 0.99
    assert 0.925 <= np.mean(ratios) <= 0.99


def test_two_studies_agree_within_their_intervals():
    simulation = Simulation(20, 3, shared=0.02, spread=0.5)
    agree = []
    for _ in range(100):
        sd = simulation.sd()
        first, second = simulation.study(sd), simulation.study(sd)
        for j in range(20):
            a, b = first.latency_ms(j), second.latency_ms(j)
            reach = np.hypot(np.log(a.high / a.value), np.log(b.high / b.value))
            agree.append(abs(np.log(a.value / b.value)) <= reach)
    assert np.mean(agree) >= 0.93


def test_a_normal_interval_without_moderation_would_not_cover():
    """Guards the test of coverage: plain mean ± 1.96 standard errors at three rounds covers far less."""
    simulation = Simulation(20, 3, 0.0, 0.7)
    covered = []
    for _ in range(100):
        y = simulation.sd()[:, None] * simulation.rng.standard_normal((20, 3))
        covered.append(np.abs(y.mean(1)) <= 1.96 * y.std(1, ddof=1) / np.sqrt(3))
    assert np.mean(covered) < 0.85


def test_latency_is_the_median_over_rounds():
    noise = RoundNoise({"a": [_round(2.0), _round(3.0), _round(10.0)]})
    assert noise.latency_ms("a").value == 3.0


def test_ratio_is_paired_by_round():
    # the machine is twice as slow in the second round, for everybody
    noise = RoundNoise({k: [_round(k), _round(2 * k), _round(k)] for k in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)})
    ratio = noise.ratio(4.0, 2.0)
    assert ratio.value == pytest.approx(2.0)
    assert ratio.high / ratio.low < 1.05
    latency = noise.latency_ms(4.0)
    assert latency.high / latency.low > 2


def test_ratio_of_a_target_and_itself_is_exactly_one():
    noise = RoundNoise({"a": [_round(2.0), _round(2.5)]})
    interval = noise.ratio("a", "a")
    assert (interval.value, interval.low, interval.high) == (1.0, 1.0, 1.0)


def test_ratio_and_its_inverse_agree():
    noise = _noise(np.random.default_rng(0).normal(1, 0.02, (7, 3)))
    a, b = noise.ratio(0, 1), noise.ratio(1, 0)
    assert a.value == pytest.approx(1 / b.value)
    assert a.low == pytest.approx(1 / b.high)


def test_one_round_has_the_interval_within_it():
    interval = RoundNoise({"a": [_round(4.0, within=0.01)]}).latency_ms("a")
    assert interval.high == pytest.approx(4.0 * np.exp(1.96 * 0.01), rel=1e-4)
    assert interval.low == pytest.approx(4.0 * np.exp(-1.96 * 0.01), rel=1e-4)


def test_rounds_that_happen_to_agree_do_not_make_an_interval_of_no_width():
    y = np.random.default_rng(0).normal(1, 0.02, (10, 3))
    y[0] = 1.0
    interval = _noise(y).latency_ms(0)
    assert interval.high / interval.low > 1.01


def test_a_noisy_target_keeps_a_wider_interval_than_a_quiet_one():
    rng = np.random.default_rng(0)
    y = 1 + 0.002 * rng.standard_normal((10, 3))
    y[0] = [1.0, 1.3, 0.8]
    noise = _noise(y)
    assert np.log(noise.latency_ms(0).high / noise.latency_ms(0).low) > 0.2
    assert np.log(noise.latency_ms(1).high / noise.latency_ms(1).low) < 0.1


def test_identical_rounds_everywhere():
    noise = _noise(np.ones((6, 3)), within=0.0)
    interval = noise.latency_ms(0)
    assert interval.low == interval.value == interval.high


def test_no_targets_at_all():
    RoundNoise({})


@pytest.mark.parametrize("rounds", [{"a": [_round(1.0)], "b": [_round(1.0)] * 2}, {"a": []}])
def test_unequal_rounds_are_refused(rounds):
    with pytest.raises(ValueError, match="same number of rounds"):
        RoundNoise(rounds)


@pytest.mark.parametrize("d0", [3.0, 8.0])
def test_prior_is_recovered(d0):
    rng = np.random.default_rng(0)
    true = d0 * 0.04 / rng.chisquare(d0, 20_000)
    found_d0, found_s02 = fit_prior(true * rng.chisquare(2, 20_000) / 2, 2)
    assert found_d0 == pytest.approx(d0, rel=0.15)
    assert found_s02 == pytest.approx(0.04, rel=0.1)


def test_prior_of_equal_variances_is_sure():
    d0, s02 = fit_prior(np.full(10, 0.5), 2)
    assert d0 == np.inf
    assert s02 == 0.5


@pytest.mark.parametrize("x", [1e-5, 0.01, 0.5, 1.0, 7.0, 1e4, 1e8])
def test_inverse_trigamma(x):
    assert inverse_trigamma(float(polygamma(1, x))) == pytest.approx(x, rel=1e-5)
