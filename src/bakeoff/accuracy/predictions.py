"""What a model says of single inputs: its most probable classes, and pictures of the inputs for a reader."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bakeoff.artifacts.accuracy import Guess, SamplePicture
from bakeoff.models.data.images import from_input

if TYPE_CHECKING:
    import numpy as np

    from bakeoff.models.data.samples import Samples

SHOWN = 12
"""Inputs that a report shows."""
GUESSES = 5
SIDE = 96
"""Pixels of a picture's longer side at most."""


def guesses(scores: np.ndarray) -> list[list[Guess]]:
    """The most probable classes for the first inputs, by scores [n, classes]; none for an input whose scores are NaN.

    Scores that are probabilities already (none negative, each input's sum 1) are taken as they are, others through a
    softmax.
    """
    import numpy as np

    few = scores[:SHOWN].astype(np.float64)
    found: list[list[Guess]] = []
    for row in few:
        if not np.isfinite(row).all():
            found.append([])
            continue
        probable = row
        if row.min() < 0 or abs(row.sum() - 1) > 1e-2:
            probable = np.exp(row - row.max())
            probable /= probable.sum()
        order = np.argsort(-probable, kind="stable")[:GUESSES]
        found.append([Guess(class_number=int(i), probability=float(probable[i])) for i in order])
    return found


def sample_pictures(samples: Samples, labels: Sequence[int | None], scores: np.ndarray) -> list[SamplePicture]:
    """The first inputs with their pictures, labels and the most probable classes by these scores."""
    images = samples.arrays[samples.image][:SHOWN] if samples.image else None
    return [
        SamplePicture(
            name=samples.names[number],
            picture=_png(images[number], samples) if images is not None else None,
            label=labels[number],
            guesses=guess,
        )
        for number, guess in enumerate(guesses(scores))
    ]


def _png(array: np.ndarray, samples: Samples) -> str:
    image = from_input(array, samples.how)
    if max(image.size) > SIDE:
        image.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
