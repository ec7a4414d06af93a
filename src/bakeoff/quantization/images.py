"""Calibration images in a folder: which of them are taken. Decided when a study is planned, without reading any."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from bakeoff.models.data.listing import draw, find_images


def choose_images(folder: str | Path, n: int, seed: int, never: Collection[str] = ()) -> list[str]:
    """`n` images drawn without replacement under a seed, or all where there are fewer; sorted by path.

    Args:
        folder: Where they are, sub-folders included.
        n: How many at most.
        seed: Draws them.
        never: Real paths of images that judge engines, which are left out.
    """
    found = [path for path in find_images(folder) if os.path.realpath(path) not in never]
    return [found[i] for i in draw(len(found), n, seed)]
