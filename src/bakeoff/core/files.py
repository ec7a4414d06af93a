"""Whether a path that a user wrote is there."""

from __future__ import annotations

from pathlib import Path


def is_file(path: str) -> bool:
    """Whether there is a file of this path. A path that no file system can hold is not there."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: str) -> bool:
    """Whether there is a folder of this path. A path that no file system can hold is not there."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False
