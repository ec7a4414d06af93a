"""Calibration images in a folder: which of them are taken, whether they changed, and how they become inputs.

Choosing and looking at files is done when a study is planned and imports nothing heavy.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.core.errors import CalibrationError

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def find_images(folder: str | Path) -> list[str]:
    """Paths below a folder, sub-folders included, that end like images, sorted; hidden files are left out."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [os.path.join(place, f) for f in files if f.lower().endswith(SUFFIXES) and not f.startswith(".")]
    return sorted(found)


def choose_images(folder: str | Path, n: int, seed: int) -> list[str]:
    """`n` images drawn without replacement under a seed, or all where there are fewer; sorted by path."""
    found = find_images(folder)
    return found if len(found) <= n else sorted(random.Random(seed).sample(found, n))


def state_of(paths: Sequence[str]) -> str:
    """A digest of files' names, sizes and modification times: cheap enough for each planning of a study."""
    state = hashlib.sha256()
    for path in paths:
        status = os.stat(path)
        state.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return state.hexdigest()[:12]


def read_image(path: str, shape: Sequence[int], mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """One image as a float32 array of shape [C, H, W].

    It is turned upright as its EXIF data say, scaled (bilinear, antialiased) until it just covers H x W, cropped
    around its centre, brought to [0, 1], and normalised per channel: (value - mean) / std. An input of one channel
    gets the luminance, normalised by the mean over channels of `mean` and `std`.

    Raises CalibrationError, naming the file, where it is no image that Pillow reads.
    """
    import numpy as np
    from PIL import Image, ImageOps

    channels, height, width = shape
    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened)
            image = upright.convert("RGB" if channels == 3 else "L")
            fitted = ImageOps.fit(image, (width, height), method=Image.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CalibrationError(
            f"calibration.images: {path} cannot be read as an image ({error}); mend it or remove it from the folder"
        ) from error
    pixels = np.asarray(fitted, dtype=np.float32).reshape(height, width, channels).transpose(2, 0, 1) / 255
    centre, scale = np.asarray(mean, np.float32), np.asarray(std, np.float32)
    if len(centre) != channels:
        centre, scale = centre.mean(keepdims=True), scale.mean(keepdims=True)
    return np.ascontiguousarray((pixels - centre[:, None, None]) / scale[:, None, None])
