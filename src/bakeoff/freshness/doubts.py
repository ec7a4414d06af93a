"""Which results on disk cannot be believed, and why in words: damaged, or made elsewhere under other conditions.

Snakemake tells a stale result by the parameters that it keeps in `.snakemake/`, and knows nothing of what lies inside a
file. This is the rest: a record or one of its files that is not as its job left it, an interrupted job, and results
that came from another folder. Sizes and times of change are compared; a file is read only where its time differs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bakeoff.freshness.ledger import Entry, Ledger, Stamp, param_digests, stamp

_CHANGED = {
    "made_on": "on another device",
    "versions": "with other versions",
    "variables": "with other environment variables",
    "compiler": "with another C++ compiler",
    "code": "by other Bakeoff code",
    "model": "from another definition of the model",
}


class Doubts:
    """What is to be doubted of a study's records; looked up on disk once, when first asked."""

    def __init__(
        self,
        records: Iterable[str],
        results: str,
        ledger: Ledger,
        here: str | None,
        params_of: Callable[[str], Mapping[str, Any]],
        beside: Mapping[str, str] | None = None,
    ) -> None:
        """Look at nothing yet.

        Args:
            records: Paths of the study's records. Those that were never made are not doubted.
            results: Folder of the study's results, with which the records' paths begin.
            ledger: The study's ledger.
            here: Token of this working directory.
            params_of: The tracked parameters of a record's job as planned now.
            beside: By a record, a file that its job makes and that others write, too: only its being there counts.
        """
        self._records = list(records)
        self._results = results
        self._ledger = ledger
        self._here = here
        self._params_of = params_of
        self._beside = beside or {}

    @cached_property
    def by_record(self) -> dict[str, str]:
        """The records that are doubted, in the order given, each with the reason in words.

        A record that is missing although its job ran is one of them: Snakemake would make it anew only where something
        made from it is to be made, and so would take a report for finished whose ground a killed run has taken away.
        """
        return {record: why for record in self._records if (why := self._why(self._entry(record), record))}

    def attempt(self, record: str) -> int:
        """How many attempts at a record had failed when the study was planned."""
        entry = self._entry(record)
        return entry.attempt if entry else 0

    def repair(self, record: str) -> str | None:
        """The value of the tracked parameter `repair`: that of the record's job, or a new one if it is doubted.

        The new value is made from what is on disk, so that a dry run and the run after it agree on it.
        """
        entry = self._entry(record)
        before = entry.repair if entry else None
        why = self.by_record.get(record)
        if why is None:
            return before
        state = [before, why, _times(f"{self._ledger.folder}/{self._name(record)}"), _times(record)]
        return hashlib.sha256(repr(state).encode()).hexdigest()[:12]

    def note_times(self) -> None:
        """Note the new times of files whose content is as it was, so that they are not read again."""
        for record in self._records:
            entry = self._entry(record)
            if entry is None or record in self.by_record:
                continue
            now = {path: Stamp(s.bytes, os.stat(path).st_mtime_ns, s.sha256) for path, s in entry.files.items()}
            if now != entry.files:
                self._ledger.write(self._name(record), replace(entry, files=now))

    def make_way(self) -> list[str]:
        """Remove the folders that lie where a doubted record or one of its files was: no job could write its file.

        Returns:
            Their paths.
        """
        entries = [self._entry(record) for record in self.by_record]
        paths = [path for entry in entries if entry for path in entry.files]
        removed = [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]
        for path in removed:
            shutil.rmtree(path)
        return removed

    def _name(self, record: str) -> str:
        return record.removeprefix(f"{self._results}/")

    def _entry(self, record: str) -> Entry | None:
        if record not in self._entries:
            self._entries[record] = self._ledger.read(self._name(record))
        return self._entries[record]

    @cached_property
    def _entries(self) -> dict[str, Entry | None]:
        return {}

    def _why(self, entry: Entry | None, record: str) -> str | None:
        if entry is None:
            return "nothing tells how it was made" if os.path.exists(record) else None
        if not entry.files:
            return "the job that makes it was interrupted"
        for path, made in entry.files.items():
            problem = _problem(path, made)
            if problem:
                return problem
        beside = self._beside.get(record)
        if beside and not os.path.exists(beside):
            return f"{beside} is missing"
        elsewhere = entry.made_in is None or entry.made_in != self._here
        return self._difference(entry, record) if elsewhere else None

    def _difference(self, entry: Entry, record: str) -> str | None:
        """How a record that was made elsewhere would be made differently here; None where it would be made alike."""
        if not entry.params:
            return "it was made elsewhere"
        now = param_digests(self._params_of(record))
        changed = [name for name in now | entry.params if now.get(name) != entry.params.get(name)]
        if not changed:
            return None
        words = [_CHANGED[name] for name in changed if name in _CHANGED]
        others = [name for name in changed if name not in _CHANGED]
        if others:
            words.append(f"with another {', '.join(others)}")
        return f"it was made elsewhere, {', '.join(words)}"


def _problem(path: str, made: Stamp) -> str | None:
    """What is wrong with a file; None where it is as it was made."""
    try:
        state = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return f"{Path(path).name} is missing"
    if stat.S_ISDIR(state.st_mode):  # in the same words as once `make_way` has removed it: `repair` is made from them
        return f"{Path(path).name} is missing"
    if state.st_size != made.bytes:
        return f"{Path(path).name} is not as it was made ({state.st_size} bytes, {made.bytes} when it was made)"
    if state.st_mtime_ns != made.mtime_ns and stamp(path).sha256 != made.sha256:
        return f"{Path(path).name} is not as it was made (its content differs)"
    return None


def _times(path: str) -> tuple[int, int] | None:
    """Size and time of change of a file; None where it is not there, or a folder is in its place."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    return None if stat.S_ISDIR(state.st_mode) else (state.st_size, state.st_mtime_ns)
