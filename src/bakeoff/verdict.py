"""How a study ended, in a few lines on the terminal."""

from __future__ import annotations

import sys
from pathlib import Path

from bakeoff.artifacts.collected import Collected, TargetResult
from bakeoff.artifacts.io import read_record

MAX_ANSWERS = 3


def print_verdict(collected_file: str, report: str) -> int:
    """Print where the report is, its most important lines, and each failed target with its log.

    Returns the run's exit status: 1 where a target failed or nothing succeeded, else 0.
    """
    collected = read_record(collected_file, Collected)
    say = sys.stderr.write
    failed = [t for t in collected.targets if t.row.status in ("failed", "blocked")]
    done = [t for t in collected.targets if t.row.status == "ok"]
    say(f"\nThe report: {Path(report).resolve()}\n")
    # the largest batch of each model says most; a study of one model gets all its batch sizes
    answers = sorted(collected.answers, key=lambda a: -a.batch_size)
    shown = {a.model: a for a in reversed(answers)}
    lines = list(shown.values()) if len(shown) >= MAX_ANSWERS else answers
    for answer in lines[:MAX_ANSWERS]:
        say(f"  {answer.words}\n")
    if failed:
        say(f"\n{len(failed)} of {len(collected.targets)} targets failed:\n")
        for target in failed:
            say(f"  {_name(target)}: {target.row.reason}\n      log: {_log(target)}\n")
        say("The next run of the same command retries exactly these.\n")
    if not done:
        say("\nNot one target of this study was timed; the report says why for each.\n")
    return 1 if failed or not done else 0


def _name(target: TargetResult) -> str:
    row = target.row
    return f"{row.model} · {row.backend} {row.precision} · batch {row.batch_size}"


def _log(target: TargetResult) -> str:
    records = [target.build, target.accuracy, *target.rounds]
    return next((r.log for r in records if r is not None and r.status != "ok" and r.log), "none")
