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


def further_rounds(study: Study, before: int | None = None) -> dict[Cell, list[int]]:
    """The numbers of each target's further rounds, in order, as far as they were decided in this working directory.

    Args:
        study: The study.
        before: Those before this round; all when left out.
    """

    def on_disk(number: int) -> ContestRecord | None:
        try:
            return read_record(StudyPaths(study.study).contest(number), ContestRecord)
        except (BakeoffError, OSError):
            return None

    found: dict[Cell, list[int]] = {}
    for cell in _rounds(study, on_disk, before):
        found.setdefault(cell.at(round=None), []).append(cell.need("round"))
    return found


def follow(study: Study, decision_of: Callable[[int], str], before: int | None = None) -> Iterator[Cell]:
    """The further rounds as cells, asking for each decision in turn.

    Args:
        study: The study.
        decision_of: Gives the file with the decision on a round, or raises where there is none yet.
        before: Those before this round; all when left out.
    """

    def asked_for(number: int) -> ContestRecord | None:
        decision = Path(decision_of(number))
        # `snakemake --touch` makes nothing, and takes it for made
        return read_record(decision, ContestRecord) if decision.exists() else None

    return _rounds(study, asked_for, before)


def _rounds(study: Study, decision: Callable[[int], ContestRecord | None], before: int | None) -> Iterator[Cell]:
    """The further rounds as cells, up to the first decision that is not there or gives no round."""
    for number in numbers(study):
        if before is not None and number >= before:
            return
        record = decision(number)
        if record is None or not record.targets:
            return
        yield from (cell.at(round=number) for cell in record.targets)
