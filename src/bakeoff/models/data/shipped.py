"""Data sets that installed packages carry, so that nothing is downloaded."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.core.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

HELD_OUT = 4
"""Every so many-th of scikit-learn's digits is held out: networks of this repository are trained on the others."""

PICTURES = ("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png",
            "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "page.png",
            "retina.jpg", "rocket.jpg", "text.png")  # fmt: skip
"""Photographs among the files that a wheel of scikit-image holds; it downloads others."""


def digits(held_out: bool, key: str) -> tuple[list[Image], list[int]]:
    """scikit-learn's 8 x 8 handwritten digits as images, with what they are.

    Args:
        held_out: Those that no network of this repository was trained on (449), else those for training (1,348).
        key: The config key to name in errors.

    Raises DataError where scikit-learn is not installed.
    """
    import numpy as np
    from PIL import Image

    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(f"{key}.shipped: the digits are scikit-learn's, which is not installed ({error})") from error
    loaded = load_digits()
    chosen = (np.arange(len(loaded.images)) % HELD_OUT == HELD_OUT - 1) == held_out
    pixels = (loaded.images[chosen] * (255 / 16)).round().astype(np.uint8)
    return [Image.fromarray(one) for one in pixels], [int(label) for label in loaded.target[chosen]]


def pictures(key: str) -> list[str]:
    """Paths of scikit-image's photographs that come with the package, which is not imported.

    Raises DataError where scikit-image is not installed or carries none of them.
    """
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"{key}.shipped: the pictures are scikit-image's, which is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    found = [str(folder / name) for name in PICTURES if (folder / name).is_file()]
    if not found:
        raise DataError(
            f"{key}.shipped: the installed scikit-image carries none of its pictures; install a wheel of it"
        )
    return found
