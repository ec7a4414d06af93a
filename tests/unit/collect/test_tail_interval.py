"""The interval of p99: its coverage by class of target, and where it is open.

The classes are those of tests/simulations/p99_and_throughput.py, which prints the whole table.
"""

import numpy as np
import pytest
from tests.simulations.p99_and_throughput import TAILS, latency_of, p99_coverage

from bakeoff.artifacts.collected import Interval
from bakeoff.collect.tail_interval import p99_interval

STUDIES = 25
ALONE = Interval(value=1.0, low=1.0, high=1.0)


@pytest.mark.parametrize("rounds", [2, 3, 5])
@pytest.mark.parametrize("tail", TAILS, ids=lambda tail: tail.name)
def test_each_class_is_covered(tail, rounds):
    _, covered, _ = p99_coverage(tail, rounds, 500, STUDIES, seed=1)
    wanted = 0.90 if rounds == 2 else 0.93
    assert covered >= wanted - 2.5 * np.sqrt(wanted * (1 - wanted) / STUDIES)


@pytest.mark.parametrize("tail", TAILS, ids=lambda tail: tail.name)
def test_each_class_is_covered_where_the_upper_end_is_given(tail):
    _, covered, _ = p99_coverage(tail, 3, 4000, STUDIES, seed=2)
    assert covered >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / STUDIES)


def test_samples_of_all_rounds_joined_would_not_cover():
    """The method before this. It is what makes the tests above ones that can fail."""
    different = next(tail for tail in TAILS if tail.between == 0.1)
    bursts = next(tail for tail in TAILS if tail.bursts == 0.01)
    assert p99_coverage(different, 3, 1000, STUDIES)[0] < 0.5
    assert p99_coverage(bursts, 3, 1000, STUDIES)[0] < 0.7


def test_independent_samples_bound_it_on_both_sides():
    *_, is_open = p99_coverage(TAILS[0], 3, 5000, STUDIES)
    assert is_open <= 0.05


@pytest.mark.parametrize(("n", "bounded"), [(9_999, False), (10_000, True)])
def test_fewer_than_a_hundred_samples_beyond_it_do_not_bound_it(n, bounded):
    found = p99_interval(ALONE, [np.exp(0.05 * np.random.default_rng(0).standard_normal(n))])
    assert (found.high is not None) == bounded


def test_one_burst_among_many_samples_does_not_bound_it():
    samples = np.exp(0.05 * np.random.default_rng(0).standard_normal(10_000))
    samples[5000:5150] *= 10
    found = p99_interval(latency_of(samples[None]), [samples])
    assert found.value > 5
    assert found.low < 2
    assert found.high is None


def test_too_few_samples_have_none():
    assert p99_interval(ALONE, [np.ones(333)] * 3) is None


def test_equal_samples():
    found = p99_interval(ALONE, [np.ones(5000)] * 2)
    assert found.value == found.low == found.high == 1


def test_of_one_round_it_is_that_rounds_percentile():
    samples = np.random.default_rng(0).lognormal(2, 0.1, 2000)
    found = p99_interval(latency_of(samples[None]), [samples])
    assert found.value == pytest.approx(np.percentile(samples, 99))


@pytest.mark.parametrize("tail", TAILS, ids=lambda tail: tail.name)
def test_its_ends_are_never_below_those_of_the_median(tail):
    rng = np.random.default_rng(3)
    for n in (400, 5000):
        samples = tail.draw(rng, 3, n)
        latency, found = latency_of(samples), p99_interval(latency_of(samples), list(samples))
        assert latency.value <= found.low <= found.value
        assert found.high is None or found.high >= max(found.value, latency.high)
