import numpy as np
import pytest

from bakeoff.measure.modes import is_bimodal

RNG = np.random.default_rng(0)
UNIMODAL = {
    "normal": lambda n: 10 + RNG.standard_normal(n),
    "uniform": lambda n: 10 + 8 * RNG.random(n),
    "lognormal": lambda n: np.exp(0.5 * RNG.standard_normal(n)),
    "exponential": lambda n: 1 + RNG.exponential(1, n),
    "one in ten twice as slow": lambda n: np.where(RNG.random(n) < 0.1, 2, 1) + 0.02 * RNG.standard_normal(n),
    "two speeds 2 % apart": lambda n: np.where(RNG.random(n) < 0.5, 1.02, 1) + 0.001 * RNG.standard_normal(n),
    "constant": lambda n: np.full(n, 2.0),
}


@pytest.mark.parametrize("name", UNIMODAL)
def test_one_mode(name):
    assert np.mean([is_bimodal(UNIMODAL[name](200)) for _ in range(100)]) <= 0.02


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_two_modes(share):
    samples = np.where(RNG.random(500) < share, 1.3, 1) + 0.03 * RNG.standard_normal(500)
    assert is_bimodal(samples)


def test_few_samples_have_no_modes():
    assert not is_bimodal(np.array([1.0, 2.0] * 20))
