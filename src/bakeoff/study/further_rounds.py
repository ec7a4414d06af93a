"""Which targets have further rounds, as the contests before them decided.

After the first rounds of all targets, round after round is given to those that compete for an answer or whose rounds
disagree, until there are none or `timing.rounds_max` is reached. Who gets a round is written down before it is
measured, in one file a round, and read here by whoever needs to know: planning, deciding on the next round, collecting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bakeoff.artifacts.contest import ContestRecord
from bakeoff.artifacts.io import read_record
from bakeoff.config.study import Study
from bakeoff.core.cell import Cell
from bakeoff.core.errors import BakeoffError
from bakeoff.core.paths import StudyPaths


def numbers(study: Study) -> range:
    """The numbers of the further rounds that there may be."""
    first = study.timing.first_rounds
    return range(first + 1, first + study.timing.rounds_max + 1)


def decided(study: Study, before: int | None = None) -> Iterator[ContestRecord]:
    """The contests that were decided, in order: up to the first that is missing, damaged or gives no round.

    Args:
        study: The study, whose working directory this is.
        before: Those of rounds before this one; all when left out.
    """
    for number in numbers(study):
        if before is not None and number >= before:
            return
        try:
            record = read_record(StudyPaths(study.study).contest(number), ContestRecord)
        except (BakeoffError, OSError):
            return
        yield record
        if not record.targets:
            return


def further_rounds(study: Study, before: int | None = None) -> dict[Cell, list[int]]:
    """The numbers of each target's further rounds, in order; see `decided`."""
    found: dict[Cell, list[int]] = {}
    for record in decided(study, before):
        for cell in record.targets:
            found.setdefault(cell, []).append(record.round)
    return found


def follow(study: Study, decision_of: Callable[[int], str], before: int | None = None) -> Iterator[Cell]:
    """The further rounds as cells, asking for each decision in turn.

    Args:
        study: The study.
        decision_of: Gives the file with the decision on a round, or raises where there is none yet.
        before: Those of rounds before this one; all when left out.
    """
    for number in numbers(study):
        if before is not None and number >= before:
            return
        decision = Path(decision_of(number))
        if not decision.exists():  # `snakemake --touch` makes nothing, and takes it for made
            return
        record = read_record(decision, ContestRecord)
        yield from (cell.at(round=number) for cell in record.targets)
        if not record.targets:
            return
