"""The noise of a study from the records of its targets, and which of them were not measured with the others."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bakeoff.collect.intervals import RoundLevel, RoundNoise
from bakeoff.collect.noise_class import noise_class
from bakeoff.collect.result import TargetRecords
from bakeoff.core.cell import Cell


def noise_of(read: Sequence[TargetRecords]) -> RoundNoise[Cell]:
    """The noise of all targets that were timed."""
    timed = [records for records in read if records.timed]
    rounds = {
        records.planned.cell: [
            RoundLevel(record.latency_ms, record.session, record.target.round or 0)
            for record in records.rounds
            if record.latency_ms
        ]
        for records in timed
    }
    return RoundNoise(rounds, {records.planned.cell: noise_class(records.rounds) for records in timed})


def not_paired(timed: Collection[Cell], noise: RoundNoise[Cell]) -> list[Cell]:
    """Targets that have no rounds in common with most others of their question: a backend added later, for example."""
    questions: dict[Cell, list[Cell]] = {}
    for cell in timed:
        questions.setdefault(cell.question, []).append(cell)
    found = []
    for cells in questions.values():
        for cell in cells:
            others = [other for other in cells if other != cell]
            paired = sum(noise.is_paired(cell, other) for other in others)
            if others and 2 * paired < len(others):
                found.append(cell)
    return found
