"""The attempt ledger: why the next run retries exactly what failed.

Each rule has the tracked parameter `attempt`. A job that failed leaves `attempt + 1` here, so that Snakemake
sees a changed parameter the next time; a job that succeeded leaves its own number, so nothing changes. The
ledger lies beside the results and is no output of a rule: Snakemake deletes outputs before a job.
"""

from __future__ import annotations

import os
from pathlib import Path

from bakeoff.artifacts.io import write_text


def read_ledger(folder: str | Path) -> dict[str, int]:
    """Attempt numbers by record path, relative to the study's results; paths that never failed are absent."""
    attempts = {}
    for root, _, files in os.walk(folder):
        for name in files:
            if name.endswith(".attempt"):
                path = Path(root, name)
                text = path.read_text()
                if text.strip().isdigit():
                    attempts[str(path.relative_to(folder))[: -len(".attempt")]] = int(text)
    return attempts


def note_attempt(folder: str | Path, record: str, attempt: int, failed: bool) -> None:
    """Note how a job ended; `record` is the record's path relative to the study's results."""
    if failed or attempt:
        write_text(Path(folder) / f"{record}.attempt", f"{attempt + failed}\n")
