"""Which results on disk cannot be trusted, and why in words: damaged, or made elsewhere under other conditions.

Snakemake tells a stale result by the parameters that it keeps in `.snakemake/`, and knows nothing of what lies inside a
file. This is the rest: a record or a file of its that is not as its job left it, an interrupted job, and results that
came from another folder. Sizes and times of change are compared; a file is read only where its time differs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bakeoff.freshness.ledger import Entry, Ledger, Stamp, param_digests, stamp

_CHANGED = {
    "made_on": "on another device",
    "versions": "with other versions",
    "code": "by other Bakeoff code",
    "model": "from another definition of the model",
}


def distrusted(
    records: Iterable[str],
    results: str,
    ledger: Ledger,
    here: str | None,
    params_of: Callable[[str], Mapping[str, Any]],
    refresh: bool = False,
) -> dict[str, str]:
    """Records that have to be made anew, each with the reason in words; those that were never made are left out.

    A record that is missing is one of them: Snakemake makes it anew only where something made from it is to be made,
    and so takes a report for finished from which a killed run has taken the ground.

    Args:
        records: Paths of the study's records.
        results: Folder of the study's results, with which the records' paths begin.
        ledger: The study's ledger.
        here: Token of this working directory.
        params_of: The tracked parameters of a record's job as planned now.
        refresh: Note the new times of files whose content is as it was, so that they are not read again.
    """
    reasons = {}
    for record in records:
        name = record.removeprefix(f"{results}/")
        entry = ledger.read(name)
        if entry is None and not os.path.exists(record):
            continue
        why = _why(entry, record, here, params_of)
        if why:
            reasons[record] = why
        elif entry and refresh:
            now = {path: Stamp(s.bytes, os.stat(path).st_mtime_ns, s.sha256) for path, s in entry.files.items()}
            if now != entry.files:
                ledger.write(name, replace(entry, files=now))
    return reasons


def _why(
    entry: Entry | None, record: str, here: str | None, params_of: Callable[[str], Mapping[str, Any]]
) -> str | None:
    if entry is None:
        return "nothing tells how it was made"
    if record not in entry.files:
        return "the job that makes it was interrupted"
    for path, made in entry.files.items():
        problem = _problem(path, made)
        if problem:
            return problem
    if entry.home == here and here is not None:
        return None
    if not entry.params:
        return "it was made elsewhere"
    now = param_digests(params_of(record))
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
    except FileNotFoundError:
        return f"{Path(path).name} is missing"
    if state.st_size != made.bytes:
        return f"{Path(path).name} is not as it was made ({state.st_size} bytes, {made.bytes} when it was made)"
    if state.st_mtime_ns != made.mtime_ns and stamp(path).sha256 != made.sha256:
        return f"{Path(path).name} is not as it was made (its content differs)"
    return None
