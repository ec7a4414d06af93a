"""Whether a model answers each input for itself, and always alike.

Engines are judged on batches of all sizes, in any order, and run again and again. All of that takes for granted that a
model is a function of one item. One that is not fails on every backend, for a reason that no figure tells, or passes at
the one batch size that its reference was made with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakeoff.accuracy.metrics import OutputError, compare
from bakeoff.core.errors import ModelError
from bakeoff.models.seeding import seeded
from bakeoff.models.suspects import changed_buffers, mixes_items, random_operators

if TYPE_CHECKING:
    import numpy as np

ALIKE = 1e-3
"""Two answers are alike up to this relative L2 error. fp32 at another batch size differs by 1e-7 to 2e-4. What comes
from chance or from other items is larger by far."""
EQUAL = 0.99
"""And up to this share of equal elements, of integers: near ties fall one way or the other."""
SINGLES = 3
"""Inputs that are run one by one."""

Call = Callable[[Sequence[int]], "list[np.ndarray]"]
"""Runs the inputs at these positions as one batch and gives the flat outputs, each [n, ...]."""


@dataclass(frozen=True)
class Answers:
    """A model's answers to all check inputs, and how to ask it again."""

    label: str
    names: Sequence[str]
    """Of the outputs."""
    outputs: Sequence[np.ndarray]
    """Each [n_inputs, ...]."""
    size: int
    """Items of a batch in which they were made."""
    call: Call
    fixed: bool
    """Whether the model takes batches of this size alone."""


def refuse_unless_item_by_item(module: Any, answers: Answers) -> None:
    """Ask the model again: the same batch, then items in other company and order, then single ones.

    Raises ModelError that names the output, the figure, and what in the module tree is likely the cause.
    """
    n = len(answers.outputs[0])
    first = [i % n for i in range(answers.size)]
    found = _difference(answers, answers.call(first), first)
    if found:
        raise ModelError(_why_not_again(module, answers, first, found))
    if answers.size > 1:
        mixed = _mixed(first, n)
        kept = [position for position, i in enumerate(mixed) if i in set(first)]
        got = [output[kept] for output in answers.call(mixed)]
        found = _difference(answers, got, [mixed[position] for position in kept])
        if found:
            raise ModelError(_mixing(module, answers, found))
    if not answers.fixed and answers.size > 1:
        for i in first[:SINGLES]:
            try:
                got = answers.call([i])
            except ModelError:  # it takes no single items, which a study that asks for some will say
                return
            found = _difference(answers, got, [i])
            if found:
                raise ModelError(_mixing(module, answers, found))


def _difference(answers: Answers, got: Sequence[np.ndarray], rows: Sequence[int]) -> str | None:
    """The first output that is not what it was, with its figure, in words; None where all are."""
    expected = [output[list(rows)] for output in answers.outputs]
    comparison = compare(got, expected)
    if comparison.wrong:
        return comparison.wrong
    for name, output in zip(answers.names, comparison.outputs, strict=True):
        if _differs(output):
            if output.equal is not None:
                return f"output {name} ({100 * (1 - output.equal):.2g} % of its elements)"
            error = output.relative_l2 if output.relative_l2 is not None else output.beside_zero
            return f"output {name} (relative L2 error {error:.2g})"
    return None


def _mixed(first: Sequence[int], n: int) -> list[int]:
    """The same items from the last to the first, every second one replaced by another item where there are others."""
    others = [i for i in range(n) if i not in set(first)]
    mixed = list(reversed(first))
    for position, other in zip(range(1, len(mixed), 2), others, strict=False):
        mixed[position] = other
    return mixed


def _why_not_again(module: Any, answers: Answers, rows: Sequence[int], found: str) -> str:
    """The message for a model that answers the same batch differently the second time."""
    with seeded(0):
        one = answers.call(rows)
    with seeded(0):
        two = answers.call(rows)
    drawn = random_operators(module, lambda: answers.call(rows))
    alike_when_seeded = not _beyond(compare(two, one))
    if alike_when_seeded and (drawn or _beyond(compare(answers.call(rows), answers.call(rows)))):
        return (
            f"models.{answers.label}: its answer depends on chance: "
            f"between two calls with the same batch {found} changes; "
            f"likely causes: {'; '.join(drawn) or 'random numbers drawn in forward()'}; "
            "switch this off in eval mode (F.dropout(x, training=self.training)), so that engines can be judged"
        )
    changed = changed_buffers(module, lambda: answers.call(rows))
    return (
        f"models.{answers.label}: its answer depends on earlier calls: "
        f"between two calls with the same batch {found} changes; "
        f"likely causes: {'; '.join(changed) or 'an attribute that forward() sets'}; "
        "an engine keeps no such state: make forward() leave the module as it was, at least in eval mode"
    )


def _beyond(figures: Any) -> bool:
    return bool(figures.wrong) or any(map(_differs, figures.outputs))


def _differs(output: OutputError) -> bool:
    if output.equal is not None:
        return output.equal < EQUAL
    error = output.relative_l2 if output.relative_l2 is not None else output.beside_zero
    return (error or 0.0) > ALIKE


def _mixing(module: Any, answers: Answers, found: str) -> str:
    """The message for a model whose answer for an item depends on the others of its batch."""
    causes = "; ".join(mixes_items(module)) or "an operation over the first dimension, which is the batch"
    return (
        f"models.{answers.label}: its answer for an item depends on the other items of its batch: with others "
        f"{found} changes; likely causes: {causes}; "
        "the first dimension must count items that have nothing to do with each other"
    )
