"""How much outputs vary over inputs: what a reference needs to be able to judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def spread(outputs: Sequence[np.ndarray]) -> float:
    """Mean over output elements (of all outputs) of the standard deviation over inputs (the first axis)."""
    import numpy as np

    total, elements = 0.0, 0
    for array in outputs:
        wide = np.complex128 if np.iscomplexobj(array) else np.float64
        deviations = array.reshape(len(array), -1).astype(wide).std(0)
        total += float(deviations.sum())
        elements += deviations.size
    return total / elements if elements else 0.0


def is_score_vector(array: np.ndarray, classes: int = 2) -> bool:
    """Whether an output [n, k] can be read as scores of at least `classes` classes."""
    import numpy as np

    return array.ndim == 2 and array.shape[1] >= classes and np.issubdtype(array.dtype, np.floating)


def top1_classes(array: np.ndarray) -> int | None:
    """Distinct highest-scoring classes over the inputs; None where the output is no score vector."""
    import numpy as np

    return len(np.unique(array.argmax(1))) if is_score_vector(array) else None
