"""The inputs that a model's quantizers look at: images of the user's, or seeded synthetic ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.core.errors import CalibrationError
from bakeoff.models.arrays import load_arrays
from bakeoff.models.data.images import OwnPreprocessing, open_image, transform
from bakeoff.models.data.samples import Wanted, fed_by, image_input, make_samples, seeded_instead
from bakeoff.models.data.settings import Data, Preprocessing
from bakeoff.models.inputs import CALIBRATION
from bakeoff.models.spec import InputSpec
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


def make_set(
    inputs: Mapping[str, InputSpec],
    settings: Calibration,
    data: Data | None,
    images: Sequence[str],
    own: OwnPreprocessing | None = None,
    key: str = "accuracy.data",
) -> CalibrationSet:
    """The calibration set of one model.

    With `images`, each feeds the model's image input and the other inputs are seeded; a model without one image input
    gets the synthetic set, and `source` says so. Else it is taken from the data that judge, from those of them that do
    not.

    Args:
        inputs: The model's inputs.
        settings: The study's settings.
        data: What the model is judged on; None: seeded inputs.
        images: Paths of the images of `settings.images`; none where no folder is given.
        own: What the model's library does with images.
        key: Path of `data` in the config, for errors.

    Raises CalibrationError or DataError where an image cannot be read, or there is nothing to look at.
    """
    wanted = Wanted(None, settings.n_inputs, settings.seed)
    if settings.images is None:
        found = make_samples(inputs, data, wanted, "calibrate", own, key)
        return CalibrationSet(found.arrays, found.source)
    feeds = image_input(inputs)
    if feeds is None:
        found = seeded_instead(inputs, settings.n_inputs, settings.seed, CALIBRATION)
        return CalibrationSet(found.arrays, found.source)
    if not images:
        raise CalibrationError(
            f"calibration.images: all images in {settings.images} judge engines ({key}), so none is left to calibrate "
            "with; give others"
        )
    given = (data.preprocessing if data else Preprocessing()).model_dump(exclude_none=True)
    told = {name: value for name in ("mean", "std") if (value := getattr(settings, name)) is not None}
    how = transform(inputs[feeds], Preprocessing(**{**given, **told}), own, "calibration")
    opened = [open_image(path, "calibration") for path in images]
    arrays, words = fed_by(opened, feeds, how, inputs, settings.seed, CALIBRATION)
    return CalibrationSet(arrays, f"{len(images)} images of folder {settings.images}{words}")


def batches(folder: str | Path, batch_size: int) -> Iterator[dict[str, np.ndarray]]:
    """The set of a calibration folder in batches of exactly this size; the last one is filled up from the start."""
    import numpy as np

    arrays = load_arrays(Path(folder) / INPUTS)
    n = len(next(iter(arrays.values())))
    for start in range(0, n, batch_size):
        rows = np.arange(start, start + batch_size) % n
        yield {name: np.ascontiguousarray(array[rows]) for name, array in arrays.items()}
