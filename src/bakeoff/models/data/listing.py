"""Which inputs there are, and which of them judge: decided when a study is planned, without reading any."""

from __future__ import annotations

import csv
import hashlib
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bakeoff.core.errors import DataError
from bakeoff.core.files import is_file, is_folder
from bakeoff.core.quoting import short
from bakeoff.models.data.settings import Data

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")

KEPT_FOR_CALIBRATION = 4
"""One in so many is never judged on, so that quantizers have inputs to look at."""


@dataclass(frozen=True)
class ImageFile:
    """A file of a folder of images."""

    path: str
    label: str | None = None
    """The class as it is written: the name of the sub-folder, or what the CSV file says."""


def find_images(folder: str | Path) -> list[str]:
    """Paths below a folder, sub-folders included, that end like images, sorted; hidden files are left out."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [os.path.join(place, f) for f in files if f.lower().endswith(SUFFIXES) and not f.startswith(".")]
    return sorted(found)


def images_in(folder: str, key: str) -> list[str]:
    """`find_images` of a folder that a config section names as its `images`.

    Raises DataError, naming the section `key`, where there is no such folder or no image in it.
    """
    if not is_folder(folder):
        raise DataError(f"{key}.images: there is no folder {short(folder)}; paths are relative to {Path.cwd()}")
    paths = find_images(folder)
    if not paths:
        raise DataError(f"{key}.images: {short(folder)} holds no image ({', '.join(SUFFIXES)})")
    return paths


def list_images(data: Data, key: str) -> list[ImageFile]:
    """The images of the folder with their labels, sorted by path.

    Raises DataError, naming the config key, where there is no such folder, no image in it, or the CSV file is not one
    or names files that are not there.
    """
    folder = data.images
    if folder is None:
        raise ValueError("there is no folder of images")
    paths = images_in(folder, key)
    if data.labels is not None:
        labels = _read_labels(data.labels, folder, set(paths), key)
        return [ImageFile(path, labels.get(path)) for path in paths]
    return [ImageFile(path, _sub_folder(path, folder)) for path in paths]


def draw(n: int, wanted: int, seed: int) -> list[int]:
    """`wanted` of `n` positions, drawn without replacement under a seed, or all where there are fewer; sorted."""
    return list(range(n)) if n <= wanted else sorted(random.Random(seed).sample(range(n), wanted))


def split(n: int, judged: int, calibrated: int, seed: int) -> tuple[list[int], list[int]]:
    """The positions that judge and those that quantizers look at, of `n` inputs: never the same, each sorted.

    Which ones judge does not depend on how many quantizers look at.

    Args:
        n: Inputs that there are.
        judged: How many judge at most; a quarter of all is left for calibration.
        calibrated: How many quantizers look at, at most.
        seed: Draws them.
    """
    order = list(range(n))
    random.Random(seed).shuffle(order)
    end = min(judged, n - n // KEPT_FOR_CALIBRATION)
    return sorted(order[:end]), sorted(order[end : end + calibrated])


def state_of(paths: Sequence[str]) -> str:
    """A digest of files' names, sizes and modification times: cheap enough for each planning of a study."""
    state = hashlib.sha256()
    for path in paths:
        status = os.stat(path)
        state.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return state.hexdigest()[:12]


def files_of(data: Data, key: str) -> list[str]:
    """All files that the data come from; none where they come from an installed package.

    Raises DataError where one is missing, as `list_images` does.
    """
    named = {"labels": data.labels, "arrays": data.arrays, "classes": data.classes}
    files = []
    for name, path in named.items():
        if path is None:
            continue
        if not is_file(path):
            raise DataError(f"{key}.{name}: there is no file {short(path)}; paths are relative to {Path.cwd()}")
        files.append(path)
    if data.images is not None:
        files += [image.path for image in list_images(data, key)]
    return files


def state_of_data(data: Data, key: str) -> str | None:
    """State of all files that the data come from; None where they come from an installed package. Raises DataError."""
    files = files_of(data, key)
    return state_of(files) if files else None


def _sub_folder(path: str, folder: str) -> str | None:
    inner = Path(path).relative_to(folder).parts
    return inner[0] if len(inner) > 1 else None


def _read_labels(path: str, folder: str, known: set[str], key: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{key}.labels: '{path}' cannot be read as a CSV file ({error})") from None
    if rows and [cell.strip().lower() for cell in rows[0]] == ["file", "label"]:
        rows = rows[1:]
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise DataError(f"{key}.labels: row {number} of '{path}' has {len(row)} cells; a row is file,label")
        named = os.path.join(folder, row[0].strip())
        if named not in known:
            raise DataError(f"{key}.labels: '{path}' names {row[0].strip()}, which is no image in '{folder}'")
        labels[named] = row[1].strip()
    if not labels:
        raise DataError(f"{key}.labels: '{path}' holds no label; a row is file,label")
    return labels
