"""Verdicts: what passes, what fails, and in which words."""

import re

import numpy as np
import pytest

from bakeoff.accuracy.judge import judge, limits_for, worst_output
from bakeoff.accuracy.metrics import compare
from bakeoff.accuracy.tolerance import Tolerance
from bakeoff.core.errors import UselessReferenceError

RNG = np.random.default_rng(0)
REFERENCE = RNG.standard_normal((64, 10))
NOISE = RNG.standard_normal((64, 10))


def verdict(outputs, precision="fp32", trusted=True, tolerance=None, reference=REFERENCE):
    """Judge one output."""
    limits, indicative = limits_for(precision, tolerance, trusted)
    return judge(compare([outputs], [reference]), limits, indicative)


@pytest.mark.parametrize(
    ("tolerance", "told"),
    [
        (Tolerance(relative_l2=0.01), "relative L2 error 0.09.* is above the limit 0.01"),
        (Tolerance(max_abs=0.1), "largest absolute difference 0.3.* is above the limit 0.1"),
        (Tolerance(sqnr_db=30), "SQNR 20.* dB is below the limit 30"),
        (Tolerance(cosine=0.9999), "cosine similarity 0.99.* is below the limit 0.9999"),
        (Tolerance(top1_agreement=1), "top-1 agreement 0.9.* is below the limit 1"),
        (Tolerance(relative_to_spread=0.01), "an error of 0.* of what it varies by over inputs is above the limit"),
        (Tolerance(worst_input=0.01), "relative L2 error 0.2.* for one input alone is above the limit 0.01"),
    ],
)
def test_each_limit_fails_with_value_and_limit(tolerance, told):
    judged = verdict(REFERENCE + 0.1 * NOISE, tolerance=tolerance)
    assert not judged.passed
    (failure,) = judged.failures
    assert re.match(told, failure)
    assert verdict(REFERENCE, tolerance=tolerance).passed


def test_limits_that_are_left_out_do_not_judge_but_those_that_follow():
    assert verdict(REFERENCE + 0.1 * NOISE, tolerance=Tolerance(cosine=-1.0)).passed
    assert limits_for("fp32", Tolerance(relative_l2=0.1), True)[0].worst_input == pytest.approx(0.5)
    assert limits_for("fp32", Tolerance(relative_l2=0.1, worst_input=3.0), True)[0].worst_input == 3.0


def test_a_limit_of_the_config_is_obeyed_on_any_weights():
    """Random weights at a low precision were once judged by none of it."""
    limit = Tolerance(relative_l2=1e-3)
    for trusted in (True, False):
        judged = verdict(REFERENCE + 0.01 * NOISE, "bf16", trusted, limit)
        assert not judged.passed
        assert not judged.indicative
    assert verdict(REFERENCE + 0.5 * NOISE, "fp32", True, Tolerance(relative_l2=1e3)).passed


def test_bit_identical_outputs_pass_an_sqnr_limit():
    assert verdict(REFERENCE, tolerance=Tolerance(sqnr_db=200)).passed


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16", "int8"])
@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_always_fail(precision, trusted, bad):
    outputs = REFERENCE.copy()
    outputs[3, 3] = bad
    assert verdict(outputs, precision, trusted).failures == ["1 of 640 output elements are NaN or infinite"]


def test_fp32_is_judged_by_its_tolerance_on_any_weights():
    judged = verdict(REFERENCE * 1.01, "fp32", trusted=False)
    assert not judged.indicative
    assert not judged.passed
    assert judged.limits["relative_l2"] == 2e-4


@pytest.mark.parametrize("precision", ["fp16", "bf16", "int8", "fp8", "tf32"])
def test_low_precisions_are_indicative_on_weights_that_amplify_rounding_only(precision):
    noisy = REFERENCE + 0.35 * NOISE
    indicative, judged = verdict(noisy, precision, trusted=False), verdict(noisy, precision, trusted=True)
    assert indicative.indicative
    assert indicative.passed
    assert not judged.indicative
    assert not judged.passed


@pytest.mark.parametrize("precision", ["tf32", "fp16", "bf16"])
@pytest.mark.parametrize("outputs", [NOISE, REFERENCE[::-1], -REFERENCE, np.zeros_like(REFERENCE)])
def test_other_outputs_are_a_gross_mismatch(precision, outputs):
    assert not verdict(outputs, precision, trusted=False).passed


def test_int8_on_unconditioned_weights_fails_on_constant_outputs_and_shapes_only():
    assert verdict(NOISE * 3, "int8", trusted=False).passed
    constant = verdict(np.broadcast_to(REFERENCE[0], REFERENCE.shape), "int8", trusted=False)
    assert constant.failures == ["the outputs are the same for every input; the model's are not"]
    assert "shape" in verdict(REFERENCE[:, :5], "int8", trusted=False).failures[0]


def test_a_reference_without_spread_judges_nothing():
    with pytest.raises(UselessReferenceError, match="the same for every input"):
        verdict(np.ones((4, 3)), reference=np.ones((4, 3)))


# A detector's outputs, as an expert would attack them: boxes (large), scores near 0.5 that vary by 0.03, labels, and a
# mask that is zero for these inputs. 16 inputs, as a small study has.
DETECTOR = {
    "boxes": 100 + 40 * RNG.standard_normal((16, 50, 4)),
    "scores": 0.5 + 0.03 * RNG.standard_normal((16, 50)),
    "labels": RNG.integers(0, 90, (16, 50)),
    "mask": np.zeros((16, 8)),
}
SHUFFLED = np.roll(np.arange(16), 3)
FIRST_RIGHT = np.concatenate([[0], np.roll(np.arange(1, 16), 1)])


def _one_zero(array):
    wrong = array.copy()
    wrong[5] = 0
    return wrong


WRONG = {
    "scores all zero": ("scores", np.zeros_like),
    "scores permuted over inputs": ("scores", lambda a: a[SHUFFLED]),
    "scores off by a third of their spread": (
        "scores", lambda a: a + 0.01 * np.where(RNG.random(a.shape) < 0.5, 1, -1)
    ),
    "scores off by a third of their spread, all one way": ("scores", lambda a: a + 0.01),
    "a zero output answered with 100": ("mask", lambda a: a + 100),
    "labels off by one": ("labels", lambda a: a + 1),
    "one input of sixteen zero": ("boxes", _one_zero),
    "one input's scores zero": ("scores", _one_zero),
    "the first input's answer for the whole batch": ("boxes", lambda a: np.broadcast_to(a[:1], a.shape)),
    "the first right and the rest permuted": ("scores", lambda a: a[FIRST_RIGHT]),
    "half as large again": ("boxes", lambda a: 1.5 * a),
    "scores half as large again": ("scores", lambda a: 1.5 * a),
    "noise of 0.8 of the norm": ("boxes", lambda a: a + 0.8 * np.sqrt((a**2).mean()) * RNG.standard_normal(a.shape)),
    "half-way to the mean": ("scores", lambda a: (a + a.mean(axis=0)) / 2),
    "boxes half-way to the mean": ("boxes", lambda a: (a + a.mean(axis=0)) / 2),
}  # fmt: skip


def _judged(outputs, precision, trusted=True, conditioned=False):
    limits, indicative = limits_for(precision, None, trusted, conditioned)
    return judge(compare(outputs, list(DETECTOR.values())), limits, indicative, names=list(DETECTOR))


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
@pytest.mark.parametrize("fault", WRONG)
@pytest.mark.parametrize("trained", [True, False], ids=["trained", "conditioned random"])
def test_wrong_engines_fail_and_the_output_is_named(fault, precision, trained):
    name, make_wrong = WRONG[fault]
    outputs = {**DETECTOR, name: make_wrong(DETECTOR[name])}
    judged = _judged(list(outputs.values()), precision, trained, conditioned=not trained)
    assert not judged.indicative
    assert any(failure.startswith(f"output {name}: ") for failure in judged.failures), judged.failures
    assert all(f"output {other}" not in failure for failure in judged.failures for other in set(DETECTOR) - {name})


@pytest.mark.parametrize("fault", [name for name in WRONG if "third" not in name])
@pytest.mark.parametrize("precision", ["tf32", "fp16", "bf16"])
def test_most_of_them_fail_also_where_conditioning_failed(fault, precision):
    """Where rounding is amplified, an error of a third of the spread cannot be told from it."""
    name, make_wrong = WRONG[fault]
    if fault == "a zero output answered with 100" or name != "mask":
        outputs = {**DETECTOR, name: make_wrong(DETECTOR[name])}
        assert not _judged(list(outputs.values()), precision, trusted=False).passed


@pytest.mark.parametrize(("precision", "mantissa_bits"), [("fp32", 23), ("fp16", 10), ("bf16", 7)])
def test_outputs_that_are_rounded_ten_times_pass(precision, mantissa_bits):
    """What a sound engine does to them: each rounding errs by up to half a unit in the last place."""
    rounded = []
    for array in DETECTOR.values():
        if array.dtype.kind == "f":
            for _ in range(10):
                array = array * (1 + 2.0 ** -(mantissa_bits + 1) * RNG.uniform(-1, 1, array.shape))
        rounded.append(array)
    assert _judged(rounded, precision).failures == []


def test_labels_may_differ_as_often_as_the_best_class_may():
    labels = DETECTOR["labels"].copy()
    labels.reshape(-1)[:24] += 1  # 3 %
    outputs = [DETECTOR["boxes"], DETECTOR["scores"], labels, DETECTOR["mask"]]
    assert _judged(outputs, "fp16").passed
    assert not _judged(outputs, "fp32").passed


def test_a_small_wrong_output_is_not_hidden_by_a_large_one():
    reference = [REFERENCE * 1e5, NOISE]
    comparison = compare([reference[0], RNG.standard_normal((64, 10)) * 2], reference)
    assert comparison.relative_l2 < 2e-4
    limits, _ = limits_for("fp32", None, True)
    judged = judge(comparison, limits)
    assert judged.failures[0].startswith("output 1: relative L2 error 2.")
    assert worst_output(comparison.outputs, limits) == 1


def test_an_answer_that_changes_from_run_to_run_fails():
    limits, _ = limits_for("fp16", None, True)
    right = compare([REFERENCE], [REFERENCE])
    judged = judge(right, limits, repeat=compare([REFERENCE[::-1]], [REFERENCE]))
    assert judged.failures[0].startswith("run again on the same inputs, off the first outputs: relative L2 error 1.")
