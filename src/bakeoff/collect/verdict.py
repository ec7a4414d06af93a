"""How a study ended, in a few lines on the terminal."""

from __future__ import annotations

from pathlib import Path

from bakeoff.artifacts.collected import Answer, Collected, TargetResult
from bakeoff.artifacts.io import read_record

MAX_ANSWERS = 3


def verdict(collected_file: str, report: str) -> tuple[str, int]:
    """Where the report is, its most important lines, and each failed target with its log; and the exit status.

    The status is 1 where a target failed or nothing succeeded, else 0.
    """
    collected = read_record(collected_file, Collected)
    failed = [t for t in collected.targets if t.row.status in ("failed", "blocked")]
    done = [t for t in collected.targets if t.row.status == "ok"]
    busy = [answer for answer in collected.answers if answer.too_busy]
    lines = [busy_words(len(busy), len(collected.answers))] if busy else []
    lines.append(f"The report: {Path(report).resolve()}")
    lines += [f"  {answer.words}" for answer in _foremost(collected.answers)]
    if failed:
        lines.append(f"{len(failed)} of {len(collected.targets)} targets failed:")
        for target in failed:
            lines += [f"  {_name(target)}: {target.row.reason}", f"      log: {_log(target)}"]
        lines.append("The next run of the same command retries exactly these.")
    if not done:
        lines.append("Not one target of this study was timed; the report says why for each.")
    return "\n".join(lines) + "\n", 1 if failed or not done else 0


def busy_words(busy: int, answers: int) -> str:
    """That a machine was too busy or unsteady for some answers, or all: what a report says first."""
    part = "any answer" if busy == answers else f"{busy} of {answers} answers"
    return (
        f"THIS MACHINE WAS TOO BUSY OR UNSTEADY for {part}, so no best is named there; each says why. Run the study "
        "again when it is quiet (snakemake --cores 1 report --forcerun time)."
    )


def _foremost(answers: list[Answer]) -> list[Answer]:
    """The answers to print: every model's at its largest batch size first, then smaller ones."""
    largest_first = sorted(answers, key=lambda answer: -answer.batch_size)
    first = list({answer.model: answer for answer in reversed(largest_first)}.values())
    return [*first, *(answer for answer in largest_first if answer not in first)][:MAX_ANSWERS]


def _name(target: TargetResult) -> str:
    return target.row.cell.words()


def _log(target: TargetResult) -> str:
    records = [target.build, target.accuracy, *target.rounds]
    return next((r.log for r in records if r is not None and r.status != "ok" and r.log), "none")
