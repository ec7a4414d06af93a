"""The ledger: what the next run must know of each job, one small file a record beside the results.

Two entries are tracked parameters of the rules, and are why the next run does some jobs again. `attempt` counts
failures: a job that failed leaves `attempt + 1` here, so Snakemake sees a changed parameter the next time. `repair` is
a word that changes whenever a record can no longer be believed (see bakeoff.freshness.doubts). The rest tells whether a
record and the files that belong to it are still as the job left them, and where they were made. The ledger is no output
of a rule, because Snakemake deletes outputs before a job.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bakeoff.artifacts.io import digest, write_text


class Stamp(NamedTuple):
    """A file as the job that made it left it."""

    bytes: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class Entry:
    """One job."""

    attempt: int = 0
    """How many attempts failed so far."""
    repair: str | None = None
    """The word that the job was given as its parameter `repair`; None where nothing was ever repaired."""
    made_in: str | None = None
    """Token of the working directory that it ran in."""
    params: dict[str, str] = field(default_factory=dict)
    """A digest of each tracked parameter, by name."""
    files: dict[str, Stamp] = field(default_factory=dict)
    """Its record and the files that belong to it, by path; empty from the start of the job until its end."""


class Ledger:
    """The ledger of a study; records are named by their path relative to the study's results."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def read(self, record: str) -> Entry | None:
        """The entry of a record; None where there is none, or it is damaged."""
        try:
            text = json.loads((self.folder / record).read_bytes())
            files = {path: Stamp(*stamp) for path, stamp in text["files"].items()}
            made_in = text.get("made_in", text.get("home"))  # its name in earlier versions
            return Entry(int(text["attempt"]), text.get("repair"), made_in, dict(text["params"]), files)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def write(self, record: str, entry: Entry) -> None:
        """Note how a job stands."""
        write_text(self.folder / record, json.dumps(asdict(entry)))


def stamp(path: str, sha256: str | None = None) -> Stamp:
    """The state of a file, hashed unless its digest is known."""
    state = os.stat(path)
    return Stamp(state.st_size, state.st_mtime_ns, sha256 or digest(path).sha256)


def param_digests(params: Mapping[str, Any]) -> dict[str, str]:
    """A short digest of each parameter's value, by name."""
    values = {name: json.dumps(value, sort_keys=True, default=str) for name, value in params.items()}
    return {name: hashlib.sha256(text.encode()).hexdigest()[:12] for name, text in values.items()}
