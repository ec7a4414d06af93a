"""Whether an engine computes in the precision asked for, judged by the layers that do the arithmetic.

In a bf16 engine softmax, reductions or layout changes may well stay in fp32; a convolution or a matrix product may not.
Post-training quantization is different: its tools leave single layers in
floating point on purpose, where 8 bits would cost too much accuracy or no kernel exists. An int8 or fp8 engine holds
its precision where more than half of its convolutions and matrix products compute in it, by count, and says how many.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from bakeoff.core.precision import CALIBRATED, DTYPES, Precision

_COMPUTE = re.compile(
    r"conv(?!ert)|matmul|matrix_?multiply|gemm|fullyconnected|innerproduct|attention|einsum|lstm|gru|rnn", re.I
)
_MOVES = re.compile(
    r"^(reorder|reformat|convert|cast|reshape|shuffle|transpose|memcpy|constant|no_?op|(fake|de|dynamic)?quantize(linear)?$)",
    re.I,
)


def is_compute(type: str) -> bool:
    """Whether an operator type is a convolution, a matrix product or something made of them."""
    return bool(_COMPUTE.search(type))


def moves_data(type: str) -> bool:
    """Whether an operator type only changes layout, shape or element type; quantizing is such a change."""
    return bool(_MOVES.match(type))


class HasDtypes(Protocol):
    """What is filled in of a build; see `bakeoff.backends.base.Built`."""

    layer_dtypes: dict[str, int]
    holds_precision: bool | None
    notes: list[str]


def record_dtypes(
    built: HasDtypes, layers: Iterable[tuple[str, str | None]], precision: Precision, at_least: int = 0
) -> None:
    """Set `layer_dtypes` and `holds_precision` of a build from its finished engine's layers: (operator type, dtype).

    Layers that only move data are not counted. All convolutions and matrix products must compute in the precision, in
    quantized engines more than half. One that holds it only in part gets a note that says how far. Where the engine
    does not tell the type of each of them, and those that it tells are right, whether it holds its precision stays
    None, and a note says so.

    Args:
        built: What is filled in.
        layers: Of the engine; a dtype is None where the engine does not tell it.
        precision: What was asked for.
        at_least: How many convolutions and matrix products the model has; the engine does not tell those missing.
    """
    computing = [(kind, dtype) for kind, dtype in layers if not moves_data(kind)]
    built.layer_dtypes = dict(Counter(dtype for _, dtype in computing if dtype).most_common())
    heavy = Counter(dtype for kind, dtype in computing if dtype and is_compute(kind))
    untold = sum(not dtype and is_compute(kind) for kind, dtype in computing)
    untold = max(untold, at_least - heavy.total())
    if not heavy and not untold:
        return
    others = {dtype: n for dtype, n in heavy.items() if dtype not in DTYPES[precision]}
    missed = sum(others.values())
    if others:
        words = ", ".join(f"{n} in {dtype}" for dtype, n in sorted(others.items()))
        built.notes.append(f"of {heavy.total()} convolutions and matrix products, {words}: not {precision}")
    # What the engine does not tell can neither save one that is known to miss its precision nor speak for one.
    holds = 2 * missed < heavy.total() if precision in CALIBRATED else not missed
    if untold and holds:
        built.notes.append(
            f"whether the engine holds {precision} is not known: it does not tell the types of {untold} of "
            f"{untold + heavy.total()} convolutions and matrix products"
        )
    else:
        built.holds_precision = holds
