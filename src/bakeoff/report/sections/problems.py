"""What did not run or may not be ranked, and why."""

from __future__ import annotations

from itertools import groupby

from bakeoff.core.cell import Cell
from bakeoff.report.blocks import Block, Entries, Entry, Heading, Paragraph, Text
from bakeoff.report.problems import HEADLINES, Problem, problems_of
from bakeoff.report.section import Context, section

LOGS = 4
"""Logs named for a problem."""
OPENED = 6
"""So many targets are listed without being asked."""


@section(rank=40, title="What did not run, and why", anchor="problems", nav="What did not run")
def problems(context: Context) -> list[Block]:
    """Each reason once, under its status, with the targets that it concerns."""
    found = problems_of(context.collected)
    if not found:
        fine = "Everything ran and may be ranked." if context.targets else "Nothing was asked for."
        return [Paragraph(fine, kind="empty")]
    blocks: list[Block] = []
    for status, group in groupby(found, lambda problem: problem.status):
        blocks += [Heading(*HEADLINES[status]), Entries([_entry(problem) for problem in group], "problems")]
    return blocks


def _entry(problem: Problem) -> Entry:
    words: list[str | Text] = [Text(problem.error_type, code=True)] if problem.error_type else []
    for log in problem.logs[:LOGS]:
        words += [" · log " if words else "log ", Text(log, code=True)]
    if len(problem.logs) > LOGS:
        words.append(f" and {len(problem.logs) - LOGS} more")
    names = [Cell.of(target.row).words() for target in problem.targets]
    return Entry(problem.reason, tuple(words), names, len(names), status=problem.status, opened=len(names) <= OPENED)
