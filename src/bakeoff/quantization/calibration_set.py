"""The inputs that a model's quantizers look at: images of the user's, or seeded synthetic ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.models.arrays import load_arrays
from bakeoff.models.inputs import CALIBRATION, seeded_inputs
from bakeoff.models.spec import InputSpec
from bakeoff.quantization.images import read_image
from bakeoff.quantization.settings import Calibration

if TYPE_CHECKING:
    import numpy as np

INPUTS = "inputs.npz"
"""In a model's calibration folder: the set, one array (n_inputs first) by input name."""


@dataclass
class CalibrationSet:
    """A calibration set and where it comes from."""

    arrays: dict[str, np.ndarray]
    """Arrays of shape [n_inputs, *shape] by input name, in the order of forward()."""
    source: str
    """Where it comes from, in words."""

    @property
    def n_inputs(self) -> int:
        """Number of single items."""
        return len(next(iter(self.arrays.values())))

    @property
    def sha256(self) -> str:
        """Digest of the arrays: names, types, shapes and values."""
        state = hashlib.sha256()
        for name, array in self.arrays.items():
            state.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            state.update(array.tobytes())
        return state.hexdigest()


def image_input(inputs: Mapping[str, InputSpec]) -> str | None:
    """The one floating input of shape [1 or 3, H, W] that images can feed; None where there is none or several."""
    found = [
        name for name, spec in inputs.items()
        if spec.dtype == "float32" and len(spec.shape) == 3 and spec.shape[0] in (1, 3)
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def make_set(inputs: Mapping[str, InputSpec], settings: Calibration, images: Sequence[str]) -> CalibrationSet:
    """The calibration set of one model.

    With `images`, each feeds the model's image input and the other inputs are seeded; a model without one image input
    gets the synthetic set, and `source` says so. Raises CalibrationError where an image cannot be read.
    """
    import numpy as np

    n = len(images) or settings.n_inputs
    feeds = image_input(inputs) if images else None
    if feeds is None:
        source = f"synthetic, seed {settings.seed}"
        if images:
            n, source = settings.n_inputs, f"{source}, since images fit none or several of this model's inputs"
        return CalibrationSet(seeded_inputs(inputs, n, settings.seed, CALIBRATION), source)
    shape = inputs[feeds].shape
    pixels = np.stack([read_image(path, shape, settings.mean, settings.std) for path in images])
    others = {name: spec for name, spec in inputs.items() if name != feeds}
    seeded = seeded_inputs(others, n, settings.seed, CALIBRATION) if others else {}
    arrays = {name: pixels if name == feeds else seeded[name] for name in inputs}
    source = f"{n} images of folder {settings.images}"
    if seeded:
        source += f" for {feeds}, seed {settings.seed} for {', '.join(seeded)}"
    return CalibrationSet(arrays, source)


def batches(folder: str | Path, batch_size: int) -> Iterator[dict[str, np.ndarray]]:
    """The set of a calibration folder in batches of exactly this size; the last one is filled up from the start."""
    import numpy as np

    arrays = load_arrays(Path(folder) / INPUTS)
    n = len(next(iter(arrays.values())))
    for start in range(0, n, batch_size):
        rows = np.arange(start, start + batch_size) % n
        yield {name: np.ascontiguousarray(array[rows]) for name, array in arrays.items()}
