"""Named arrays in one .npz file, in order, under any name."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.artifacts.io import whole

if TYPE_CHECKING:
    import numpy as np


def save_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a file that numpy.load reads. numpy.savez itself cannot hold an array named `file`."""
    import numpy as np

    with whole(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)


def load_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of the file by name, in the order in which they were written."""
    import numpy as np

    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
