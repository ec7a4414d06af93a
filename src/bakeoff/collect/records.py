"""Reading records that may be missing or damaged: such a record becomes a failed one that says so."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

from bakeoff.artifacts.base import Record
from bakeoff.artifacts.io import read_record, tell_damaged
from bakeoff.artifacts.timing import TimingRecord
from bakeoff.core.cell import Cell
from bakeoff.core.errors import BakeoffError

R = TypeVar("R", bound=Record)


class Reader:
    """Reads records, each file once, since targets of several batch sizes share their engine's."""

    def __init__(self) -> None:
        self._read: dict[str, Record] = {}

    def read(self, path: str, kind: type[R], target: Cell) -> R:
        """The record at `path`, or a failed record of `target` with the reason why it cannot be read."""
        found = self._read.get(path)
        if not isinstance(found, kind):
            try:
                found = read_record(path, kind)
            except (BakeoffError, OSError) as error:
                found = _failed(kind, target, str(error), "damaged")
            self._read[path] = found
        return found

    def read_timing(self, path: str, target: Cell) -> TimingRecord:
        """A round's record; failed also where a figure that each round has, or its samples file, is not as it was."""
        record = self.read(path, TimingRecord, target)
        problem = _problem(record, Path(path)) if record.ok else None
        return _failed(TimingRecord, target, problem, "damaged") if problem else record


def samples_path(record: TimingRecord, timing: Path) -> Path:
    """The round's samples file: it lies beside timing.json, also after results/ was moved elsewhere."""
    return timing.parent / Path(record.samples or "samples.npz").name


def _problem(record: TimingRecord, path: Path) -> str | None:
    """What is wrong with a round that claims to be ok; None where nothing is."""
    again = "run the study again to make it anew"
    for name in ("latency_ms", "throughput", "cold", "memory", "samples", "samples_digest"):
        if getattr(record, name) is None:
            tell_damaged(path)
            return f"{path} is damaged ({name} is missing); {again}"
    if record.latency_ms is None or not 0 < record.latency_ms.ci95[0] <= record.latency_ms.ci95[1]:
        tell_damaged(path)
        return f"{path} is damaged (latency_ms is not positive); {again}"
    samples = samples_path(record, path)
    try:
        digest = hashlib.sha256(samples.read_bytes()).hexdigest()
    except OSError as error:
        return f"{samples} cannot be read ({error.strerror}); {again}"
    if digest == record.samples_digest:
        return None
    tell_damaged(samples)
    return f"{samples} is not as it was when it was made; {again}"


def _failed(kind: type[R], target: Cell, reason: str, error_type: str) -> R:
    return kind.model_validate({"target": target, "status": "failed", "reason": reason, "error_type": error_type})
