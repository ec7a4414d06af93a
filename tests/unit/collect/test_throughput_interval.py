"""The interval of throughput: its coverage where segments depend on each other and where rounds differ."""

import numpy as np
import pytest
from tests.simulations.p99_and_throughput import throughput_coverage

from bakeoff.collect.noise import dependent_mean

STUDIES = 80


@pytest.mark.parametrize("segments", [2, 3, 10])
@pytest.mark.parametrize("phi", [0.0, 0.7])
def test_one_round_is_covered_as_its_process_was(phi, segments):
    _, covered = throughput_coverage(phi, 0.0, 1, segments, STUDIES)
    assert covered >= 0.90 - 2.5 * np.sqrt(0.09 / STUDIES)


def test_independent_segments_would_not_cover():
    before, _ = throughput_coverage(0.7, 0.0, 1, 10, STUDIES)
    assert before < 0.7


@pytest.mark.parametrize("rounds", [2, 3, 5])
@pytest.mark.parametrize("between", [0.01, 0.05])
@pytest.mark.parametrize("phi", [0.0, 0.7])
def test_rounds_that_differ_are_covered(phi, between, rounds):
    _, covered = throughput_coverage(phi, between, rounds, 10, STUDIES)
    wanted = 0.90 if rounds == 2 else 0.93
    assert covered >= wanted - 2.5 * np.sqrt(wanted * (1 - wanted) / STUDIES)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_independent_values_are_the_textbooks_case(n):
    assert dependent_mean(n, 0.0) == pytest.approx((1.0, n - 1))


def test_mean_of_dependent_values_against_simulation():
    from tests.simulations.p99_and_throughput import ar1

    x = ar1(np.random.default_rng(0), 0.7, (40_000, 10))
    inflation, freedom = dependent_mean(10, 0.7)
    s2 = x.var(axis=1, ddof=1)
    assert x.mean(axis=1).var() / (s2.mean() / 10) == pytest.approx(inflation, rel=0.04)
    assert 2 * s2.mean() ** 2 / s2.var() == pytest.approx(freedom, rel=0.05)
