"""Passes or fails an engine's outputs by the limits of `bakeoff.accuracy.tolerance`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bakeoff.accuracy.metrics import Comparison, OutputError
from bakeoff.accuracy.tolerance import CONSTANT, DEFAULT_TOLERANCE, GROSS, OF_RANDOM_SCORES, Tolerance
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


def limits_for(
    precision: Precision, given: Tolerance | None, trained: bool, conditioned: bool = False
) -> tuple[Tolerance, bool]:
    """The limits that judge, and whether they are only those of gross mismatch.

    Args:
        precision: The precision asked for.
        given: The limits that the config has for it, which are always obeyed; None where it has none.
        trained: Whether the weights mean something.
        conditioned: Of random weights: whether they do not amplify rounding.
    """
    if given is not None:
        return given.filled_in(), False
    if trained or precision == "fp32":
        return DEFAULT_TOLERANCE[precision].filled_in(), False
    if conditioned:
        return DEFAULT_TOLERANCE[precision].filled_in().model_copy(update=OF_RANDOM_SCORES), False
    return GROSS[precision].filled_in(), True


def judge(
    comparison: Comparison,
    limits: Tolerance,
    indicative: bool = False,
    repeat: Comparison | None = None,
    names: Sequence[str] = (),
    top1_drop: float | None = None,
) -> Judgement:
    """Judge a comparison by limits from `limits_for`.

    Args:
        comparison: The engine's outputs against the reference's.
        limits: A limit that is None does not judge.
        indicative: Whether the limits are only those of gross mismatch.
        repeat: The outputs of the same inputs, run again, against the engine's own first outputs. They may differ by as
            much as the first ones may from the reference. None where nothing was run again.
        names: Of the outputs; their positions when left out.
        top1_drop: How much less of the labelled inputs the engine gets right than the reference; None without labels.

    Raises:
        UselessReferenceError: The reference does not vary over inputs.
    """
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
        (comparison.max_abs, limits.max_abs, True, "largest absolute difference {:.3g}"),
        (comparison.sqnr_db, limits.sqnr_db, False, "SQNR {:.3g} dB"),
        (comparison.cosine, limits.cosine, False, "cosine similarity {:.6g}"),
        (comparison.top1_agreement, limits.top1_agreement, False, "top-1 agreement {:.3g}"),
    ):
        if limit is None or value is None:
            continue
        if (value > limit) if most else (value < limit):
            fail(f"{words.format(value)} is {'above' if most else 'below'} the limit {limit:g}")
    if limits.top1_drop is not None and top1_drop is not None and top1_drop > limits.top1_drop:
        fail(f"it loses {100 * top1_drop:.3g} points of top-1 accuracy, above the limit {100 * limits.top1_drop:g}")
    several = len(comparison.outputs) > 1
    for position, output in enumerate(comparison.outputs):
        for words in _failures_of(output, limits):
            fail(_of(position, names, several) + words)
    if repeat:
        again = "run again on the same inputs, "
        if repeat.wrong:
            fail(again + repeat.wrong)
        for position, output in enumerate(repeat.outputs):
            for words in _failures_of(output, limits):
                fail(f"{again}{_of(position, names, several)}off the first outputs: {words}")
    return verdict


def worst_output(outputs: Sequence[OutputError], limits: Tolerance) -> int | None:
    """Position of the output that is nearest to a limit, or farthest beyond one; None where nothing judges any."""
    shares = [(share_of_limits(output, limits), -position) for position, output in enumerate(outputs)]
    share, position = max(shares, default=(0.0, 0))
    return -position if share else None


def share_of_limits(output: OutputError, limits: Tolerance) -> float:
    """The figure that takes most of its limit, as a share of it: above 1 where a limit is missed, 0 without limits."""
    found = [
        value / limit
        for value, limit in (
            (output.relative_l2, limits.relative_l2),
            (output.relative_to_spread, limits.relative_to_spread),
            (output.worst_input, limits.worst_input),
            (output.beside_zero, limits.relative_l2),
        )
        if value is not None and limit is not None
    ]
    if output.equal is not None and limits.equal is not None:
        found.append((1 - output.equal) / max(1 - limits.equal, 1e-9))
    return max(found, default=0.0)


def _of(position: int, names: Sequence[str], several: bool) -> str:
    name = names[position] if position < len(names) else str(position)
    return f"output {name}: " if several else ""


def _failures_of(output: OutputError, limits: Tolerance) -> list[str]:
    """What is wrong with one output, the worst first: where it is off as a whole, no word is lost on single inputs."""
    if output.beside_zero is not None:
        most = limits.relative_l2
        return (
            [f"it is {output.beside_zero:.3g} where the model's is zero for every input"]
            if most is not None and output.beside_zero > most
            else []
        )
    for value, limit, words in (
        (output.relative_l2, limits.relative_l2, "relative L2 error {:.3g}"),
        (output.relative_to_spread, limits.relative_to_spread, "an error of {:.3g} of what it varies by over inputs"),
        (output.worst_input, limits.worst_input, "relative L2 error {:.3g} for one input alone"),
    ):
        if value is not None and limit is not None and value > limit:
            return [f"{words.format(value)} is above the limit {limit:g}"]
    if output.equal is not None and limits.equal is not None and output.equal < limits.equal:
        return [f"{output.equal:.3g} of its integers are equal, below the limit {limits.equal:g}"]
    return []
