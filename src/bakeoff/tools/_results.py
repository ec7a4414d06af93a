"""The results folder that a verb was given: one that is not there is told with the nearest that is."""

from __future__ import annotations

from pathlib import Path

from bakeoff.core.errors import BakeoffError
from bakeoff.core.suggest import nearest


def need_results(folder: str | Path) -> Path:
    """The folder as a path. Raises BakeoffError, with the nearest neighbour's name, where it is no folder."""
    folder = Path(folder)
    if folder.is_dir():
        return folder
    neighbours = sorted(path.name for path in folder.parent.glob("*/") if not path.name.startswith("."))
    where = f"give the folder of a study that ran: results/<study>{nearest(folder.name, neighbours)}"
    raise BakeoffError(f"there is no folder {folder}; {where}")
