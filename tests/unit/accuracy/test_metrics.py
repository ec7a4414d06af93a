"""Figures against values worked out by hand, and the cases that divide by zero."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bakeoff.accuracy.metrics import OutputError, compare, top_k_agreement


def test_figures_by_hand():
    reference = [np.array([[3.0, 0.0], [0.0, 4.0]], np.float32)]
    outputs = [np.array([[3.0, 0.3], [0.0, 4.4]], np.float32)]
    c = compare(outputs, reference)
    assert c.relative_l2 == pytest.approx(0.5 / 5, rel=1e-6)
    assert c.sqnr_db == pytest.approx(20, rel=1e-6)
    assert c.max_abs == pytest.approx(0.4, rel=1e-6)
    assert c.cosine == pytest.approx((9 + 17.6) / 5 / math.sqrt(9 + 0.09 + 4.4**2), rel=1e-6)
    assert c.top1_agreement == 1
    assert c.top5_agreement is None
    assert c.reference_spread == pytest.approx((1.5 + 2) / 2)
    assert c.identical is False


def test_several_outputs_are_one_vector_and_each_is_known():
    reference = [np.array([[3.0], [0.0]]), np.array([[4.0], [0.0]])]
    c = compare([reference[0] + [[1], [0]], reference[1]], reference)
    assert c.relative_l2 == pytest.approx(1 / 5)
    assert [output.relative_l2 for output in c.outputs] == [pytest.approx(1 / 3), 0]
    assert c.top1_agreement is None


def test_identical_outputs_have_no_finite_sqnr():
    scores = np.random.default_rng(0).standard_normal((4, 12))
    c = compare([scores], [scores.copy()])
    assert (c.identical, c.relative_l2, c.sqnr_db, c.max_abs) == (True, 0, None, 0)
    assert c.cosine == pytest.approx(1)
    assert (c.top1_agreement, c.top5_agreement) == (1, 1)


def test_a_zero_reference_divides_nothing():
    zero, one = np.zeros((2, 3)), np.ones((2, 3))
    c = compare([one], [zero])
    assert (c.relative_l2, c.sqnr_db, c.cosine, c.max_abs) == (None, None, 0, 1)
    assert c.outputs == (OutputError(beside_zero=1),)
    c = compare([zero], [zero])
    assert (c.relative_l2, c.sqnr_db, c.cosine, c.identical) == (0, None, 1, True)
    c = compare([zero], [one])
    assert (c.relative_l2, c.sqnr_db, c.cosine) == (1, 0, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_counted_and_nothing_else_is_claimed(bad):
    outputs = np.ones((2, 3))
    outputs[1, 2] = bad
    c = compare([outputs], [np.ones((2, 3))])
    assert (c.nonfinite, c.elements, c.relative_l2, c.cosine) == (1, 6, None, None)


def test_shapes_and_numbers_of_outputs():
    two = [np.zeros((2, 3)), np.zeros((2, 1))]
    assert compare(two[:1], two).mismatch == "1 outputs where the model has 2"
    assert compare(two[::-1], two).mismatch == "output 0 has shape [2, 1] where the model's has [2, 3]"


def test_small_differences_of_large_values_survive_float32():
    reference = np.full((2, 4), 1e6, np.float32)
    outputs = reference + np.float32(0.0625)
    assert compare([outputs], [reference]).max_abs == 0.0625


def test_integers_booleans_and_complex_numbers_are_compared_too():
    assert compare([np.array([[1, 2]])], [np.array([[1, 4]])]).max_abs == 2
    assert compare([np.array([[True]])], [np.array([[False]])]).max_abs == 1
    assert compare([np.array([[3j, 0]])], [np.array([[0j, 0]])]).max_abs == 3


def test_an_output_by_hand():
    """Reference [10, 0], [12, 0]: norm sqrt(244), spread sqrt(2); the error is 1 at the second input."""
    (output,) = compare([np.array([[10.0, 0], [12, 1]])], [np.array([[10.0, 0], [12, 0]])]).outputs
    assert output.relative_l2 == pytest.approx(1 / math.sqrt(244))
    assert output.relative_to_spread == pytest.approx(1 / math.sqrt(2))
    assert output.worst_input == pytest.approx(1 / 12)
    assert (output.equal, output.beside_zero) == (None, None)


def test_an_input_whose_reference_is_near_zero_is_held_to_a_tenth_of_the_others():
    reference = np.array([[1.0], [1.0], [1e-9], [1.0]])
    (output,) = compare([reference + np.array([[0], [0], [0.01], [0]])], [reference]).outputs
    assert output.worst_input == pytest.approx(0.01 / (0.1 * math.sqrt(3 / 4)))


def test_an_output_that_does_not_vary_has_no_error_relative_to_its_spread():
    reference = np.full((4, 3), 0.1)
    assert compare([reference + 1e-3], [reference]).outputs[0].relative_to_spread is None
    assert compare([np.ones((1, 3))], [np.full((1, 3), 2.0)]).outputs[0].relative_to_spread is None


def test_integers_and_booleans_are_compared_by_equality():
    (output,) = compare([np.array([[1, 2], [3, 4]])], [np.array([[1, 2], [3, 5]])]).outputs
    assert output == OutputError(equal=0.75)
    assert compare([np.array([[True], [False]])], [np.array([[True], [True]])]).outputs[0].equal == 0.5


def test_top1_of_integers_and_maps_is_not_claimed():
    assert compare([np.ones((2, 4), int)], [np.ones((2, 4), int)]).top1_agreement is None
    assert compare([np.ones((2, 4, 4))], [np.ones((2, 4, 4))]).top1_agreement is None


def test_agreement_by_hand():
    reference = np.array([[5.0, 1, 2], [0, 9, 1], [3, 2, 1], [1, 2, 3]])
    scores = np.array([[5.0, 1, 2], [0, 1, 9], [3, 2, 1], [1, 9, 3]])
    assert top_k_agreement(scores, reference, 1) == 0.5
    assert top_k_agreement(scores, reference, 2) == pytest.approx((1 + 1 + 1 + 1) / 4)


def test_ties_count_as_chance():
    reference = np.array([[1.0, 2, 3, 4]])
    assert top_k_agreement(np.zeros((1, 4)), reference, 1) == 0.25
    assert top_k_agreement(np.array([[0.0, 0, 7, 7]]), reference, 1) == 0.5
    # the reference's own ties are all right
    assert top_k_agreement(np.array([[9.0, 0, 0, 0]]), np.array([[4.0, 4, 0, 0]]), 1) == 1


@given(
    hnp.arrays(
        np.float64, hnp.array_shapes(min_dims=2, max_dims=2, min_side=5), elements=st.integers(-3, 3).map(float)
    ),
    st.sampled_from([1, 5]),
)
def test_agreement_with_itself_is_one(scores, k):
    assert top_k_agreement(scores, scores, k) == pytest.approx(1)


def test_a_reference_whose_square_underflows():
    tiny = compare([np.full((4, 12), 6.0)], [np.full((4, 12), 8e-162)])
    assert tiny.relative_l2 == pytest.approx(7e161, rel=0.2)
    assert tiny.sqnr_db == pytest.approx(-20 * math.log10(tiny.relative_l2))
    assert tiny.outputs[0].relative_l2 == pytest.approx(tiny.relative_l2)


@given(
    hnp.arrays(np.float64, (4, 12), elements=st.floats(-1e3, 1e3)),
    hnp.arrays(np.float64, (4, 12), elements=st.floats(-1e3, 1e3)),
    st.floats(0.5, 100),
)
def test_relative_figures_do_not_depend_on_scale_and_bounds_hold(outputs, reference, scale):
    c, scaled = compare([outputs], [reference]), compare([outputs * scale], [reference * scale])
    assert -1 <= c.cosine <= 1
    for name in ("top1_agreement", "top5_agreement"):
        assert 0 <= getattr(c, name) <= 1 + 1e-12
    if c.relative_l2 and np.linalg.norm(reference) > 1e-6 and np.linalg.norm(outputs - reference) > 1e-6:
        assert scaled.relative_l2 == pytest.approx(c.relative_l2, rel=1e-6)
        assert c.sqnr_db == pytest.approx(-20 * math.log10(c.relative_l2), abs=1e-6)
