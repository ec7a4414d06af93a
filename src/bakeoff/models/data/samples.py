"""Reads a model's inputs: those that judge, and those that quantizers look at."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bakeoff.core.errors import DataError
from bakeoff.models.data.images import OwnPreprocessing, Transform, open_image, to_input, transform
from bakeoff.models.data.listing import ImageFile, draw, list_images, split
from bakeoff.models.data.settings import Data
from bakeoff.models.data.shipped import digits, pictures
from bakeoff.models.inputs import CALIBRATION, CHECK, seeded_inputs
from bakeoff.models.spec import InputSpec

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

Use = Literal["judge", "calibrate"]

SEEDED = 16
"""Seeded inputs that judge where the config does not say how many."""
JUDGED = 256
"""Real inputs that judge where the config does not say how many and there are as many."""


@dataclass
class Samples:
    """Inputs of a model, and what is known of them."""

    arrays: dict[str, np.ndarray]
    """Arrays of shape [n, *shape] by input name, in the order of forward()."""
    source: str
    """Where they come from, in words."""
    names: list[str] = field(default_factory=list)
    """What each real one is called: its file within the folder. Empty for seeded ones."""
    labels: list[str | None] = field(default_factory=list)
    """The class of each as it is written; empty for seeded ones."""
    image: str | None = None
    """The input that real images feed."""
    how: Transform | None = None
    """How they became inputs."""

    @property
    def n(self) -> int:
        """Number of single items."""
        return len(next(iter(self.arrays.values())))


@dataclass(frozen=True)
class Wanted:
    """How many inputs of a model are wanted, and for what."""

    judged: int | None
    """Inputs that judge; None: 256, or all that there are, and 16 seeded ones."""
    calibrated: int
    seed: int


def image_input(inputs: Mapping[str, InputSpec]) -> str | None:
    """The one input of floats or bytes of shape [1 or 3, H, W], which images can feed; None for none or several."""
    found = [
        name for name, spec in inputs.items()
        if spec.dtype in ("float32", "uint8") and len(spec.shape) == 3 and spec.shape[0] in (1, 3)
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def seeded_instead(inputs: Mapping[str, InputSpec], n: int, seed: int, stream: int) -> Samples:
    """Seeded inputs for a model that images cannot feed; `source` says why."""
    source = f"synthetic, seed {seed}, since images fit none or several of this model's inputs"
    return Samples(seeded_inputs(inputs, n, seed, stream), source)


def fed_by(
    images: Sequence[Image], feeds: str, how: Transform, inputs: Mapping[str, InputSpec], seed: int, stream: int
) -> tuple[dict[str, np.ndarray], str]:
    """Images as the input `feeds`, with the model's other inputs seeded; and, in words, which those are, if any.

    Returns arrays of shape [len(images), *shape] by input name, in the order of forward().
    """
    import numpy as np

    others = {name: spec for name, spec in inputs.items() if name != feeds}
    made = seeded_inputs(others, len(images), seed, stream) if others else {}
    made[feeds] = np.stack([to_input(image, how) for image in images])
    words = f" for {feeds}, seed {seed} for {', '.join(others)}" if others else ""
    return {name: made[name] for name in inputs}, words


def make_samples(
    inputs: Mapping[str, InputSpec],
    data: Data | None,
    wanted: Wanted,
    use: Use,
    own: OwnPreprocessing | None,
    key: str,
) -> Samples:
    """The inputs of a model for one use.

    Images feed the model's one image input, and its others are seeded. A model without one image input gets seeded
    inputs, and `source` says so.

    Args:
        inputs: The model's inputs.
        data: Where real ones come from; None: nowhere.
        wanted: How many.
        use: `judge`, or `calibrate`: never the same ones.
        own: What the model's library does with images.
        key: Path of `data` in the config, for errors.

    Raises DataError where they cannot be read, or there are none for this use.
    """
    stream = CHECK if use == "judge" else CALIBRATION
    n_seeded = wanted.calibrated if use == "calibrate" else wanted.judged or SEEDED
    if data is None or data.shipped == "seeded":
        return Samples(seeded_inputs(inputs, n_seeded, wanted.seed, stream), f"synthetic, seed {wanted.seed}")
    if data.arrays is not None:
        return _arrays(inputs, data.arrays, wanted, use, key)
    feeds = image_input(inputs)
    if feeds is None:
        return seeded_instead(inputs, n_seeded, wanted.seed, stream)
    how = transform(inputs[feeds], data.preprocessing, own, key)
    read = _digits if data.shipped == "digits" else _pictures
    images, names, labels, source = read(data, wanted, use, key)
    arrays, words = fed_by(images, feeds, how, inputs, wanted.seed, stream)
    return Samples(arrays, source + words, names, labels, feeds, how)


def judging_files(data: Data, wanted: Wanted, key: str) -> set[str]:
    """Real paths of the images that judge; empty where none do. Raises DataError."""
    if data.shipped == "pictures":
        paths = pictures(key)
    elif data.images is not None:
        paths = [one.path for one in list_images(data, key)]
    else:
        return set()
    return {os.path.realpath(paths[i]) for i in _chosen(len(paths), wanted, "judge", key)}


def _chosen(n: int, wanted: Wanted, use: Use, key: str) -> list[int]:
    judged, calibrated = split(n, wanted.judged or JUDGED, wanted.calibrated, wanted.seed)
    chosen = judged if use == "judge" else calibrated
    least = 2 if use == "judge" else 1
    if len(chosen) < least:
        what = "judge engines on" if use == "judge" else "calibrate with that do not judge"
        raise DataError(
            f"{key}: of {n} inputs there are {len(chosen)} to {what}; at least {least} are needed: give more"
        )
    return chosen


_Read = tuple[list["Image"], list[str], list[str | None], str]


def _digits(_: Data, wanted: Wanted, use: Use, key: str) -> _Read:
    """Those held out from training judge; quantizers look at some of those that networks were trained on."""
    images, labels = digits(held_out=use == "judge", key=key)
    n = (wanted.judged or JUDGED) if use == "judge" else wanted.calibrated
    chosen = draw(len(images), n, wanted.seed)
    source = f"{len(chosen)} of scikit-learn's digits" + (" that were not trained on" if use == "judge" else "")
    return [images[i] for i in chosen], [f"digit {i}" for i in chosen], [str(labels[i]) for i in chosen], source


def _pictures(data: Data, wanted: Wanted, use: Use, key: str) -> _Read:
    """Files of a folder, or those that scikit-image carries."""
    if data.shipped == "pictures":
        listed = [ImageFile(path) for path in pictures(key)]
        source = "of scikit-image's pictures"
    else:
        listed = list_images(data, key)
        source = f"images of folder {data.images}"
    chosen = [listed[i] for i in _chosen(len(listed), wanted, use, key)]
    names = [os.path.relpath(one.path, data.images) if data.images else Path(one.path).name for one in chosen]
    images = [open_image(one.path, key) for one in chosen]
    return images, names, [one.label for one in chosen], f"{len(chosen)} {source}"


def _arrays(inputs: Mapping[str, InputSpec], path: str, wanted: Wanted, use: Use, key: str) -> Samples:
    """Arrays of an .npz file, checked against the model's inputs."""
    import numpy as np

    where = f"{key}.arrays"
    try:
        with np.load(path, allow_pickle=False) as file:
            found: dict[str, Any] = {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise DataError(f"{where}: '{path}' cannot be read as an .npz file of arrays ({error})") from error
    missing = [name for name in inputs if name not in found]
    if missing:
        raise DataError(
            f"{where}: '{path}' has no array for input {', '.join(missing)}; it has {', '.join(found) or 'none'}"
        )
    lengths = {name: len(found[name]) if found[name].ndim else 0 for name in (*inputs, *({"labels"} & found.keys()))}
    if len(set(lengths.values())) != 1:
        told = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise DataError(
            f"{where}: the arrays of '{path}' have different lengths ({told}); the first axis counts inputs"
        )
    arrays = {}
    rows = _chosen(next(iter(lengths.values())), wanted, use, where)
    for name, spec in inputs.items():
        array = found[name]
        kinds = {"float32": "fiu", "bool": "b"}.get(spec.dtype, "iu")
        if list(array.shape[1:]) != list(spec.shape) or array.dtype.kind not in kinds:
            raise DataError(
                f"{where}: array {name} of '{path}' is {array.dtype}{list(array.shape)}; the input takes "
                f"{spec.dtype}[n, {', '.join(map(str, spec.shape))}]"
            )
        arrays[name] = np.ascontiguousarray(array[rows], dtype=spec.dtype)
        if arrays[name].dtype.kind == "f" and not np.isfinite(arrays[name]).all():
            raise DataError(f"{where}: array {name} of '{path}' holds NaN or infinity")
    labels = found.get("labels")
    if labels is not None and (labels.ndim != 1 or labels.dtype.kind not in "iu"):
        raise DataError(
            f"{where}: array labels of '{path}' is {labels.dtype}{list(labels.shape)}; give class numbers [n]"
        )
    return Samples(
        arrays,
        f"{len(rows)} inputs of {path}",
        [f"row {row}" for row in rows],
        [None if labels is None else str(int(labels[row])) for row in rows],
        image_input(inputs),
    )
