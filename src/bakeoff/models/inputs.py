"""Seeded inputs with structure, made without torch.

Image-like inputs are sums of noise at all octaves, so that their amplitude spectrum falls about as 1/f, as that of
natural images does (D. J. Field, "Relations between the statistics of natural images and the response properties of
cortical cells", J. Opt. Soc. Am. A 4, 1987). White noise would not do: global average pooling turns it into nearly
the same features for every input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bakeoff.models.spec import InputSpec

if TYPE_CHECKING:
    import numpy as np

CHECK = 0
"""Stream of the inputs that engines are judged and timed on."""
STATISTICS = 1
"""Stream of the inputs that set normalization statistics; other than CHECK, or the check would judge itself."""
CALIBRATION = 2
"""Stream of the inputs that quantizers look at; other than CHECK for the same reason."""


def seeded_inputs(inputs: Mapping[str, InputSpec], n: int, seed: int, stream: int = CHECK) -> dict[str, np.ndarray]:
    """`n` inputs by name, each array of shape [n, *shape].

    Floating inputs of shape [C, H, W] are octave noise of zero mean and unit variance per item, other floating inputs
    standard normal; with limits, the noise is stretched to them, others are uniform. Images of bytes are octave noise
    stretched to their limits, too; other integer inputs are uniform in
    [low, high), bool fair coins. Item i is the same for every `n`.
    """
    import numpy as np

    made = {}
    for position, (name, spec) in enumerate(inputs.items()):
        items = [_item(np.random.default_rng([seed, stream, position, i]), spec) for i in range(n)]
        made[name] = np.stack(items)
    return made


def _item(rng: np.random.Generator, spec: InputSpec) -> np.ndarray:
    import numpy as np

    shape = tuple(spec.shape)
    if spec.dtype == "bool":
        return rng.random(shape) < 0.5
    limits = spec.limits
    like_image = len(shape) == 3 and min(shape[1:]) > 1
    if limits is not None and spec.dtype != "float32" and not (spec.dtype == "uint8" and like_image):
        return rng.integers(int(limits[0]), int(limits[1]), shape, dtype=spec.dtype)
    image = _octave_noise(rng, shape) if like_image else None
    if limits is None:
        return rng.standard_normal(shape, dtype=np.float32) if image is None else image
    low, high = limits
    share = rng.random(shape) if image is None else (image - image.min()) / (image.max() - image.min())
    if spec.dtype == "uint8":
        return np.minimum(low + share * (high - low), high - 1).astype(np.uint8)
    # rounding to float32 must not reach the end, which is excluded
    return np.clip(low + share * (high - low), low, np.nextafter(np.float32(high), np.float32(low))).astype(np.float32)


def _octave_noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    import numpy as np

    channels, height, width = shape
    image = np.zeros(shape, np.float32)
    side = 1
    while True:
        noise = rng.standard_normal((channels, min(side, height), min(side, width)), dtype=np.float32)
        image += _stretched(_stretched(noise, height, 1), width, 2)
        if side >= max(height, width):
            break
        side *= 2
    return (image - image.mean()) / image.std()


def _stretched(coarse: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Linear interpolation between cell centres along one axis."""
    import numpy as np

    cells = coarse.shape[axis]
    if cells == size:
        return coarse
    position = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    low = position.astype(int)
    shape = [1] * coarse.ndim
    shape[axis] = size
    weight = (position - low).astype(coarse.dtype).reshape(shape)
    high = np.minimum(low + 1, cells - 1)
    return coarse.take(low, axis) * (1 - weight) + coarse.take(high, axis) * weight
