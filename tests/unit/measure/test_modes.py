import numpy as np
import pytest

from bakeoff.artifacts.timing import Modes
from bakeoff.measure.modes import split_in_two

RNG = np.random.default_rng(0)


def test_the_facts_of_two_known_modes():
    """Thirty and seventy of a hundred samples, each part with a standard deviation of 0.1, in any order."""
    fast = np.tile([1.9, 2.1], 15)
    slow = np.tile([2.9, 3.1], 35)
    # The outer 2 % are left out on each side: two of the fast part's samples and two of the slow part's.
    modes = split_in_two(RNG.permutation(np.concatenate([fast, slow])))
    assert modes.smaller_share == pytest.approx(28 / 96)
    assert modes.low_ms == pytest.approx((13 * 1.9 + 15 * 2.1) / 28)
    assert modes.high_ms == pytest.approx((35 * 2.9 + 33 * 3.1) / 68)
    assert modes.gap_rel == pytest.approx((modes.high_ms - modes.low_ms) / 2.9)
    assert modes.ashman_d == pytest.approx(np.sqrt(2) * 1.0 / np.hypot(0.1, 0.1), rel=0.02)


def test_the_two_halves_of_a_normal_sample():
    """Ashman's D of the halves of a normal distribution: 2 sqrt(2 / pi) / sqrt(1 - 2 / pi), 2.65."""
    modes = split_in_two(10 + RNG.standard_normal(100_000))
    assert modes.smaller_share == pytest.approx(0.5, abs=0.02)
    assert modes.ashman_d == pytest.approx(2.65, rel=0.1)
    assert modes.gap_rel == pytest.approx(0.16, rel=0.1)


def test_two_constant_parts_are_infinitely_far_apart():
    assert split_in_two(np.array([5.0, 7.0] * 200)) == Modes(
        low_ms=5.0, high_ms=7.0, smaller_share=0.5, gap_rel=2 / 6, ashman_d=None
    )


@pytest.mark.parametrize("n", [2, 3, 49, 200])
def test_a_constant_sample_has_no_gap(n):
    modes = split_in_two(np.full(n, 2.0))
    assert modes.gap_rel == 0
    assert Modes.model_validate_json(modes.model_dump_json()) == modes


@pytest.mark.parametrize("samples_ms", [[], [1.0], [0.0, 0.0, 0.0]])
def test_what_cannot_be_split(samples_ms):
    assert split_in_two(np.array(samples_ms)) is None
