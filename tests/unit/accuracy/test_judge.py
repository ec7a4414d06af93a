"""Verdicts: what passes, what fails, and in which words."""

import re

import numpy as np
import pytest

from bakeoff.accuracy.judge import judge
from bakeoff.accuracy.metrics import compare
from bakeoff.accuracy.tolerance import DEFAULT_TOLERANCE, Tolerance
from bakeoff.core.errors import UselessReferenceError

RNG = np.random.default_rng(0)
REFERENCE = RNG.standard_normal((64, 10))
NOISE = RNG.standard_normal((64, 10))


def verdict(outputs, precision="fp32", real_weights=True, tolerance=None, reference=REFERENCE):
    """Judge one output."""
    return judge(compare([outputs], [reference]), tolerance or DEFAULT_TOLERANCE[precision], precision, real_weights)


@pytest.mark.parametrize(
    ("tolerance", "told"),
    [
        (Tolerance(relative_l2=0.01), "relative L2 error 0.09.* is above the limit 0.01"),
        (Tolerance(max_abs=0.1), "largest absolute difference 0.3.* is above the limit 0.1"),
        (Tolerance(sqnr_db=30), "SQNR 20.* dB is below the limit 30"),
        (Tolerance(cosine=0.9999), "cosine similarity 0.99.* is below the limit 0.9999"),
        (Tolerance(top1_agreement=1), "top-1 agreement 0.9.* is below the limit 1"),
    ],
)
def test_each_limit_fails_with_value_and_limit(tolerance, told):
    judged = verdict(REFERENCE + 0.1 * NOISE, tolerance=tolerance)
    assert not judged.passed
    (failure,) = judged.failures
    assert re.match(told, failure)
    assert verdict(REFERENCE, tolerance=tolerance).passed


def test_limits_that_are_left_out_do_not_judge():
    judged = verdict(REFERENCE + 0.1 * NOISE, tolerance=Tolerance())
    assert judged.passed
    assert judged.limits == {}


def test_bit_identical_outputs_pass_an_sqnr_limit():
    assert verdict(REFERENCE, tolerance=Tolerance(sqnr_db=200)).passed


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16", "int8"])
@pytest.mark.parametrize("real_weights", [True, False])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_always_fail(precision, real_weights, bad):
    outputs = REFERENCE.copy()
    outputs[3, 3] = bad
    judged = verdict(outputs, precision, real_weights, tolerance=Tolerance())
    assert judged.failures == ["1 of 640 output elements are NaN or infinite"]


def test_fp32_is_judged_by_its_tolerance_on_random_weights_too():
    judged = verdict(REFERENCE * 1.01, "fp32", real_weights=False)
    assert not judged.indicative
    assert not judged.passed
    assert judged.limits == {"relative_l2": 2e-4}


@pytest.mark.parametrize("precision", ["fp16", "bf16", "int8", "fp8", "tf32"])
def test_low_precisions_are_indicative_on_random_weights_only(precision):
    noisy = REFERENCE + 0.5 * NOISE
    indicative, judged = verdict(noisy, precision, real_weights=False), verdict(noisy, precision, real_weights=True)
    assert indicative.indicative
    assert indicative.passed
    assert not judged.indicative
    assert not judged.passed


@pytest.mark.parametrize("precision", ["tf32", "fp16", "bf16"])
@pytest.mark.parametrize("outputs", [NOISE, REFERENCE[::-1], -REFERENCE, np.zeros_like(REFERENCE)])
def test_other_outputs_are_a_gross_mismatch(precision, outputs):
    assert not verdict(outputs, precision, real_weights=False).passed


def test_int8_on_random_weights_fails_on_constant_outputs_and_shapes_only():
    assert verdict(NOISE * 3, "int8", real_weights=False).passed
    constant = verdict(np.broadcast_to(REFERENCE[0], REFERENCE.shape), "int8", real_weights=False)
    assert constant.failures == ["the outputs are the same for every input; the model's are not"]
    assert "shape" in verdict(REFERENCE[:, :5], "int8", real_weights=False).failures[0]


def test_a_wrong_small_output_cannot_hide_behind_a_large_one():
    reference = [REFERENCE * 1e5, NOISE]
    comparison = compare([reference[0], RNG.standard_normal((64, 10)) * 2], reference)
    assert comparison.relative_l2 < 2e-4
    judged = judge(comparison, DEFAULT_TOLERANCE["fp32"], "fp32", True)
    assert judged.failures[0].startswith("output 1 alone has a relative L2 error of 2.")


def test_a_reference_without_spread_judges_nothing():
    with pytest.raises(UselessReferenceError, match="the same for every input"):
        verdict(np.ones((4, 3)), reference=np.ones((4, 3)))
