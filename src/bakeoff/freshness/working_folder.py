"""Which working directory made a result: a token beside what Snakemake keeps, in `.snakemake/`.

Snakemake knows how a result was made from `.snakemake/`, which does not travel with `results/`. A result that bears
another token came from elsewhere (or `.snakemake/` was deleted): Snakemake knows nothing of it; see doubts.py.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from bakeoff.artifacts.io import write_text

_FILE = Path(".snakemake/bakeoff-folder")
_EARLIER_FILE = Path(".snakemake/bakeoff-home")
"""Its name in earlier versions: without it, results that were made here would look as if they came from elsewhere."""


def working_folder_token() -> str | None:
    """The token of this working directory; None where nothing ran in it yet, or its file is damaged."""
    return _read(_FILE) or _read(_EARLIER_FILE)


def make_working_folder_token() -> None:
    """See that this working directory has a token."""
    if _read(_FILE) is None:
        write_text(_FILE, f"{working_folder_token() or uuid.uuid4().hex}\n")


def _read(file: Path) -> str | None:
    """The token in a file; None where there is none, or what is there is no text."""
    try:
        return file.read_text(encoding="ascii").strip() or None
    except (FileNotFoundError, UnicodeDecodeError):
        return None
