"""Something else that lies where a study has a folder, found before a job fails on it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from bakeoff.core.errors import BakeoffError


def check_folders(files: Iterable[str]) -> None:
    """See that files can lie where they are to lie: whatever stands above them is a folder, or is not there yet.

    Args:
        files: Paths relative to the working directory.

    Raises:
        BakeoffError: It is a file, for example; the message names it. It is left to the user, who may need it.
    """
    seen: set[str] = set()
    for file in files:
        folder = os.path.dirname(file)
        above = []
        while folder and folder not in seen:
            seen.add(folder)
            above.append(folder)
            folder = os.path.dirname(folder)
        for folder in reversed(above):
            if os.path.lexists(folder) and not os.path.isdir(folder):
                raise BakeoffError(f"{folder} is no folder, and one is needed there; move it away and run again")
