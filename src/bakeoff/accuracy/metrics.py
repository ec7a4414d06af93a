"""Figures that compare an engine's outputs with the reference's, in float64.

relative L2    ||y - r|| / ||r||
SQNR           10 log10(||r||² / ||y - r||²) dB, signal-to-quantization-noise ratio
cosine         y·r / (||y|| ||r||)
all over the elements of all outputs and inputs together, and of each output for itself (`OutputError`), since over all
of them a small output would not show beside a large one. Top-k agreement is computed on outputs that are score vectors,
[n, classes]; with several of them, on the one that agrees least.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakeoff.models.spread import is_score_vector, spread

if TYPE_CHECKING:
    import numpy as np

TOP5_CLASSES = 10
"""With fewer classes than this, five are so large a share of them that agreement of the top five means nothing."""


FLOOR = 0.1
"""Of the root mean square over inputs: an input whose reference is smaller than this share is not held to be as precise
in relation to itself, as its output may be near zero by chance."""


@dataclass(frozen=True)
class OutputError:
    """One output of an engine against the reference's; a figure that is undefined is None.

    Outputs of integers or booleans have `equal` alone, others have the rest.
    """

    relative_l2: float | None = None
    """||y - r|| / ||r||; None where the reference is zero."""
    relative_to_spread: float | None = None
    """||y - r|| / ||r - mean of r over inputs||: how much of what tells inputs apart is error. An output that hardly
    varies (scores near 0.5, boxes near the middle) can have a small relative error and be the same for every input.
    None where the reference does not vary, or there is one input."""
    worst_input: float | None = None
    """Largest ||y - r|| / ||r|| of any one input; ||r|| is taken as at least FLOOR of its root mean square over inputs,
    None where that is zero."""
    beside_zero: float | None = None
    """Largest absolute value where the reference is zero everywhere."""
    equal: float | None = None
    """Share of equal elements, of integers and booleans."""


@dataclass(frozen=True)
class Comparison:
    """An engine's outputs compared with the reference's; a figure that is undefined is None."""

    mismatch: str | None = None
    """How the outputs differ from the reference's in number or shape, in words; then nothing else is known."""
    elements: int = 0
    nonfinite: int = 0
    """Elements that are NaN or infinite; where there are any, no figure below is known."""
    identical: bool | None = None
    relative_l2: float | None = None
    """None where the reference is zero and the outputs are not."""
    sqnr_db: float | None = None
    """None where the outputs are bit-identical (infinite)."""
    max_abs: float | None = None
    cosine: float | None = None
    """0 where either is zero and the other is not."""
    top1_agreement: float | None = None
    top5_agreement: float | None = None
    spread: float | None = None
    """Mean over elements of the outputs' standard deviation over inputs."""
    reference_spread: float | None = None
    """The same of the reference's outputs."""
    outputs: tuple[OutputError, ...] = ()
    """Each output for itself, in order."""

    @property
    def wrong(self) -> str | None:
        """Why no figure is known, in words; None where they are."""
        if self.nonfinite:
            return f"{self.nonfinite} of {self.elements} output elements are NaN or infinite"
        return self.mismatch


def compare(outputs: Sequence[np.ndarray], reference: Sequence[np.ndarray]) -> Comparison:
    """Compare flat outputs (each [n, ...]) with the reference's, in the same order."""
    import numpy as np

    mismatch = _mismatch(outputs, reference)
    if mismatch:
        return Comparison(mismatch=mismatch)
    elements = sum(array.size for array in outputs)
    nonfinite = sum(int(np.count_nonzero(~np.isfinite(array))) for array in outputs)
    if nonfinite:
        return Comparison(elements=elements, nonfinite=nonfinite, reference_spread=spread(reference))
    error2 = norm2 = reference2 = dot = max_abs = 0.0
    for output, expected in zip(outputs, reference, strict=True):
        y, r = _real(output), _real(expected)
        difference = y - r
        error2 += float(difference @ difference)
        reference2 += float(r @ r)
        norm2 += float(y @ y)
        dot += float(y @ r)
        max_abs = max(max_abs, float(np.abs(difference).max(initial=0.0)))
    return Comparison(
        elements=elements,
        identical=error2 == 0,
        # Roots and logarithms are taken before dividing: the quotient of the squares of a tiny reference can be 0 or
        # infinite in floating point.
        relative_l2=math.sqrt(error2) / math.sqrt(reference2) if reference2 else (0.0 if error2 == 0 else None),
        sqnr_db=10 * (math.log10(reference2) - math.log10(error2)) if error2 and reference2 else None,
        max_abs=max_abs,
        cosine=_cosine(dot, norm2, reference2),
        top1_agreement=_worst_agreement(outputs, reference, 1, 2),
        top5_agreement=_worst_agreement(outputs, reference, 5, TOP5_CLASSES),
        spread=spread(outputs),
        reference_spread=spread(reference),
        outputs=tuple(_output_error(*pair) for pair in zip(outputs, reference, strict=True)),
    )


def _output_error(output: np.ndarray, reference: np.ndarray) -> OutputError:
    """The figures of one output [n, ...], finite everywhere."""
    import numpy as np

    if not np.issubdtype(reference.dtype, np.inexact):
        return OutputError(equal=float((output == reference).mean()) if reference.size else 1.0)
    n = len(reference)
    r = _real(reference).reshape(n, -1)
    error = np.linalg.norm(_real(output).reshape(n, -1) - r, axis=1)
    norms = np.linalg.norm(r, axis=1)
    whole, whole_error = float(np.linalg.norm(norms)), float(np.linalg.norm(error))
    if not whole:
        return OutputError(beside_zero=float(np.abs(_real(output)).max(initial=0.0)))
    # The mean of equal numbers is off by a rounding, so what varies by less does not vary.
    varies = float(np.linalg.norm(r - r.mean(axis=0))) if n > 1 else 0.0
    return OutputError(
        relative_l2=whole_error / whole,
        relative_to_spread=whole_error / varies if varies > 1e-12 * whole else None,
        worst_input=float((error / np.maximum(norms, FLOOR * whole / math.sqrt(n))).max()),
    )


def top_k_agreement(scores: np.ndarray, reference: np.ndarray, k: int) -> float:
    """Mean share of the engine's k highest classes that are among the reference's k highest.

    Both are [n, classes]. Classes that tie for the engine's last places count as chosen with equal probability (the
    expectation over all ways to break the tie: an engine that scores all classes alike agrees by chance only); classes
    that tie for the reference's last places are all right answers.
    """
    import numpy as np

    kth = np.partition(scores, -k, axis=1)[:, [-k]]
    above, tied = scores > kth, scores == kth
    share = (k - above.sum(1, keepdims=True)) / tied.sum(1, keepdims=True)
    chosen = above + tied * share
    right = reference >= np.partition(reference, -k, axis=1)[:, [-k]]
    return float((chosen * right).sum(1).mean() / k)


def _worst_agreement(
    outputs: Sequence[np.ndarray], reference: Sequence[np.ndarray], k: int, classes: int
) -> float | None:
    found = [
        top_k_agreement(output, expected, k)
        for output, expected in zip(outputs, reference, strict=True)
        if is_score_vector(expected, classes)
    ]
    return min(found) if found else None


def _mismatch(outputs: Sequence[np.ndarray], reference: Sequence[np.ndarray]) -> str | None:
    if len(outputs) != len(reference):
        return f"{len(outputs)} outputs where the model has {len(reference)}"
    for position, (output, expected) in enumerate(zip(outputs, reference, strict=True)):
        if output.shape != expected.shape:
            return f"output {position} has shape {list(output.shape)} where the model's has {list(expected.shape)}"
    return None


def _real(array: np.ndarray) -> np.ndarray:
    """The elements in float64, one axis; a complex one as its real and imaginary parts."""
    import numpy as np

    if np.iscomplexobj(array):
        return np.ascontiguousarray(array, dtype=np.complex128).reshape(-1).view(np.float64)
    return array.astype(np.float64).reshape(-1)


def _cosine(dot: float, norm2: float, reference2: float) -> float:
    if norm2 == 0 and reference2 == 0:
        return 1.0
    if norm2 == 0 or reference2 == 0:
        return 0.0
    return max(-1.0, min(1.0, dot / math.sqrt(norm2) / math.sqrt(reference2)))
