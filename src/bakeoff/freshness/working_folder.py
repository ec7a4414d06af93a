"""Which working directory made a result: a token beside what Snakemake keeps, in `.snakemake/`.

Snakemake knows how a result was made from `.snakemake/`, which does not travel with `results/`. A result that bears
another token came from elsewhere (or `.snakemake/` was deleted): Snakemake knows nothing of it; see doubts.py.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from bakeoff.artifacts.io import write_text

_FILE = Path(".snakemake/bakeoff-folder")


def working_folder_token() -> str | None:
    """The token of this working directory; None where nothing ran in it yet."""
    try:
        return _FILE.read_text().strip() or None
    except FileNotFoundError:
        return None


def make_working_folder_token() -> None:
    """See that this working directory has a token."""
    if working_folder_token() is None:
        write_text(_FILE, f"{uuid.uuid4().hex}\n")
