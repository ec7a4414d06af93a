"""Which targets are worth further rounds: those that compete for an answer, and those whose rounds disagree."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.collect.noise import noise_of
from bakeoff.collect.result import TargetRecords
from bakeoff.collect.standings import standings
from bakeoff.collect.warnings.rules import rounds_disagree
from bakeoff.config.study import Study
from bakeoff.core.cell import Cell


def contenders(records: Sequence[TargetRecords], study: Study) -> list[Cell]:
    """The targets that further rounds may tell something of, in the order of the records.

    Of each question these are the best and those that cannot be told from it, unless all of those are surely alike; and
    every timed target whose rounds disagree. Targets that are surely slower, failed or are not ranked are out of the
    race.

    Args:
        records: What was read of every target of the study, with the rounds that there are.
        study: The study, whose margin says what counts as alike.
    """
    noise = noise_of(records)
    questions: dict[Cell, list[Cell]] = {}
    for target in records:
        if target.unranked_reason() is None and target.timed:
            questions.setdefault(target.planned.cell.question, []).append(target.planned.cell)

    found = {target.planned.cell for target in records if target.timed and rounds_disagree(target.rounds)}
    for cells in questions.values():
        by_latency = sorted(cells, key=lambda cell: noise.latency_ms(cell).value)
        standing = standings(by_latency, noise.ratio, study.margin)
        unsure = [other.key for other in standing.of("not_told_apart")]
        if unsure:
            found |= {standing.best, *unsure}
    return [target.planned.cell for target in records if target.planned.cell in found]
