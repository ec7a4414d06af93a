"""Who is best, who is alike, and who cannot be told from the best."""

import numpy as np
import pytest
from tests.simulations.over_rounds import noise_of

from bakeoff.artifacts.collected import Interval
from bakeoff.collect.standings import standings


def compare_by(latency, noise):
    def compare(one, other, of_many):
        value = latency[one] / latency[other]
        wide = max(noise.get(one, 0.01), noise.get(other, 0.01))
        return Interval(value=value, low=value * (1 - wide), high=value * (1 + wide))

    return compare


def test_verdicts():
    latency = {"a": 1.0, "b": 1.01, "c": 1.06, "d": 1.5, "e": 1.015}
    found = standings(sorted(latency, key=latency.get), compare_by(latency, {"c": 0.1, "e": 0.005}), 0.03)
    assert found.best == "a"
    assert {s.key: s.verdict for s in found.others} == {
        "b": "alike",
        "e": "alike",  # surely slower, and surely by less than the margin
        "c": "not_told_apart",
        "d": "slower",
    }
    (unsure,) = found.of("not_told_apart")
    assert unsure.over_best.high == pytest.approx(1.06 * 1.1)


def test_nobody_is_surely_faster_than_the_best():
    """Where targets have different rounds, one may be paired as faster although its latency is higher."""

    def compare(one, other, of_many):
        value = {"a": 1.0, "b": 1.1, "c": 0.8}[one] / {"a": 1.0, "b": 1.1, "c": 0.8}[other]
        return Interval(value=value, low=value * 0.95, high=value * 1.05)

    found = standings(["a", "b", "c"], compare, 0.03)
    assert found.best == "c"
    assert {s.key: s.verdict for s in found.others} == {"a": "slower", "b": "slower"}


def test_a_smaller_margin_calls_fewer_alike():
    latency = {"a": 1.0, "b": 1.01}
    for margin, verdict in ((0.03, "alike"), (0.015, "not_told_apart"), (0.0, "not_told_apart")):
        (other,) = standings(["a", "b"], compare_by(latency, {}), margin).others
        assert other.verdict == verdict


def test_a_target_ten_percent_slower_is_not_called_alike_on_a_noisy_machine():
    """It was, in half of the studies: any tie with an end below 1.5 had "no measurable difference"."""
    rng, alike = np.random.default_rng(0), 0
    for _ in range(50):
        y = np.array([0.0, np.log(1.1), np.log(1.2)])[:, None] + 0.07 * rng.standard_normal((3, 3))
        noise = noise_of(y)
        order = sorted(range(3), key=lambda j: noise.latency_ms(j).value)
        alike += any(s.verdict == "alike" for s in standings(order, noise.ratio, 0.03).others)
    assert alike <= 3
