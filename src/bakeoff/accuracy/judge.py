"""Passes or fails an engine's outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bakeoff.accuracy.metrics import Comparison
from bakeoff.config.study import Tolerance
from bakeoff.core.errors import UselessReferenceError
from bakeoff.core.precision import Precision

GROSS: dict[Precision, Tolerance] = {
    "tf32": Tolerance(relative_l2=1.0, cosine=0.5),
    "fp16": Tolerance(relative_l2=1.0, cosine=0.5),
    "bf16": Tolerance(relative_l2=1.5, cosine=0.1),
    "int8": Tolerance(),
    "fp8": Tolerance(),
}
"""Limits of low precisions on random weights, where only gross mismatch fails.

Outputs that have nothing to do with the reference have a cosine near 0 and, at the reference's scale, a relative L2
error near √2; an output of zeros has 0 and 1. What sound engines were measured to do on random networks, which amplify
rounding: fp16 (and tf32, which has its mantissa) 24 to 60 dB, a relative error of at most 0.06; bf16 down to 9 dB
(mobilenet_v2), 0.35. int8 falls below 0 dB there, so its figures tell nothing; NaN, infinity, wrong shapes and outputs
that do not vary over inputs fail at every precision.
"""

CONSTANT = 1e-6
"""Outputs that spread over inputs by less than this fraction of the reference's spread are called constant."""

GROSS_OUTPUT = 1.5
"""Largest relative L2 error of any one output wherever figures are judged at all: worse than an unrelated one (√2)."""


@dataclass
class Judgement:
    """The verdict on an engine's outputs."""

    limits: dict[str, float]
    """The limits that judged."""
    indicative: bool
    """Whether only NaN, infinity and gross mismatch could fail."""
    failures: list[str] = field(default_factory=list)
    """Which limits were missed, in words."""

    @property
    def passed(self) -> bool:
        """Whether no limit was missed."""
        return not self.failures


def judge(
    comparison: Comparison,
    tolerance: Tolerance,
    precision: Precision,
    real_weights: bool,
    repeat: Comparison | None = None,
) -> Judgement:
    """Judge a comparison against the tolerance, or, for low precisions on random weights, against GROSS.

    `repeat` compares the outputs of the same inputs, run again, with the engine's own first ones: they may differ by as
    much as those may from the reference.

    Raises UselessReferenceError where the reference does not vary over inputs.
    """
    indicative = not real_weights and precision != "fp32"
    limits = GROSS[precision] if indicative else tolerance
    verdict = Judgement(limits.model_dump(exclude_none=True), indicative)
    fail = verdict.failures.append
    if comparison.mismatch:
        fail(comparison.mismatch)
        return verdict
    if not comparison.reference_spread:
        raise UselessReferenceError(
            "the reference outputs are the same for every input, so any engine would agree with them; "
            "make the reference anew, with weights that mean something"
        )
    if comparison.wrong:
        fail(comparison.wrong)
        return verdict
    if (comparison.spread or 0.0) < CONSTANT * comparison.reference_spread:
        fail("the outputs are the same for every input; the model's are not")
    for value, limit, most, words in (
        (comparison.relative_l2, limits.relative_l2, True, "relative L2 error {:.3g}"),
        (comparison.max_abs, limits.max_abs, True, "largest absolute difference {:.3g}"),
        (comparison.sqnr_db, limits.sqnr_db, False, "SQNR {:.3g} dB"),
        (comparison.cosine, limits.cosine, False, "cosine similarity {:.6g}"),
        (comparison.top1_agreement, limits.top1_agreement, False, "top-1 agreement {:.3g}"),
    ):
        if limit is None or value is None:
            continue
        if (value > limit) if most else (value < limit):
            fail(f"{words.format(value)} is {'above' if most else 'below'} the limit {limit:g}")
    if limits.relative_l2 is not None:
        worst = comparison.worst_relative_l2
        if worst is not None and worst > max(GROSS_OUTPUT, limits.relative_l2) and not verdict.failures:
            fail(f"output {comparison.worst_output} alone has a relative L2 error of {worst:.3g}: it is another output")
    if repeat:
        _judge_repeat(repeat, limits, fail)
    return verdict


def _judge_repeat(repeat: Comparison, limits: Tolerance, fail: Callable[[str], None]) -> None:
    again = "run again on the same inputs, "
    if repeat.wrong:
        fail(again + repeat.wrong)
    elif limits.relative_l2 is not None and (repeat.relative_l2 or 0.0) > limits.relative_l2:
        fail(
            f"{again}the outputs are off the first ones by a relative L2 error of {repeat.relative_l2:.3g}, above the "
            f"limit {limits.relative_l2:g}"
        )
