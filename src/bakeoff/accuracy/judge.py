"""Passes or fails an engine's outputs by the limits of `bakeoff.accuracy.tolerance`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bakeoff.accuracy.metrics import Comparison
from bakeoff.accuracy.tolerance import CONSTANT, GROSS, GROSS_OUTPUT, Tolerance
from bakeoff.core.errors import UselessReferenceError
from bakeoff.core.precision import Precision


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

    Args:
        comparison: The engine's outputs against the reference's.
        tolerance: The limits of the config. A limit that is None does not judge.
        precision: The precision asked for.
        real_weights: False for random weights.
        repeat: The outputs of the same inputs, run again, against the engine's own first outputs. They may differ by as
            much as the first ones may from the reference. None where nothing was run again.

    Raises:
        UselessReferenceError: The reference does not vary over inputs.
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
