"""The noise of a study from the records of its targets, and which of them were not measured with the others."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence

from bakeoff.artifacts.collected import Interval
from bakeoff.artifacts.timing import Distribution, Throughput, TimingRecord
from bakeoff.collect.intervals import LEVEL, RoundLevel, RoundNoise, t_of
from bakeoff.collect.noise_class import noise_class
from bakeoff.collect.result import TargetRecords
from bakeoff.core.cell import Cell


def noise_of(read: Sequence[TargetRecords]) -> RoundNoise[Cell]:
    """The noise of the latencies of all targets that were timed."""
    return noise_of_rounds(_rounds(read))


def noise_of_rounds(rounds: Mapping[Cell, Sequence[TimingRecord]]) -> RoundNoise[Cell]:
    """The same, from the records of the rounds of timed targets."""
    return _noise(rounds, lambda record: record.latency_ms)


def noise_of_throughput(read: Sequence[TargetRecords]) -> RoundNoise[Cell]:
    """The noise of their throughput, as seconds an item: what is right for latencies is right for it."""
    return _noise(_rounds(read), lambda record: _seconds_an_item(record.throughput) if record.throughput else None)


def items_per_s(noise: RoundNoise[Cell], cell: Cell) -> Interval:
    """The throughput of a target with its 95 % interval, from `noise_of_throughput`."""
    seconds = noise.latency_ms(cell)
    return Interval(value=1 / seconds.value, low=1 / seconds.high, high=1 / seconds.low)


def _rounds(read: Sequence[TargetRecords]) -> dict[Cell, list[TimingRecord]]:
    return {records.planned.cell: records.rounds for records in read if records.timed}


def _noise(
    rounds: Mapping[Cell, Sequence[TimingRecord]], level: Callable[[TimingRecord], Distribution | None]
) -> RoundNoise[Cell]:
    def levels(records: Sequence[TimingRecord]) -> list[RoundLevel]:
        found = [(level(record), record) for record in records]
        return [RoundLevel(each, record.session, record.target.round or 0) for each, record in found if each]

    classes = {cell: noise_class(records) for cell, records in rounds.items()}
    return RoundNoise({cell: levels(records) for cell, records in rounds.items()}, classes)


def _seconds_an_item(throughput: Throughput) -> Distribution:
    """Seconds an item of one round; what its parts vary by makes its interval."""
    each = [1 / rate for rate in throughput.segments]
    whole = 1 / throughput.items_per_s
    half = 0.0
    if len(each) > 1:
        half = t_of(LEVEL, len(each) - 1) * statistics.stdev(each) / math.sqrt(len(each))
    low, high = max(whole - half, 0.01 * whole), whole + half
    return Distribution(
        median=whole, mean=whole, std=0.0, min=whole, max=whole, p90=None, p95=None, p99=None, ci95=(low, high),
        n=throughput.n,
    )  # fmt: skip


def not_paired(timed: Collection[Cell], noise: RoundNoise[Cell]) -> set[Cell]:
    """Targets that have no rounds in common with most others of their question: a backend added later, for example."""
    questions: dict[Cell, list[Cell]] = {}
    for cell in timed:
        questions.setdefault(cell.question, []).append(cell)
    found = set()
    for cells in questions.values():
        for cell in cells:
            others = [other for other in cells if other != cell]
            paired = sum(noise.is_paired(cell, other) for other in others)
            if others and 2 * paired < len(others):
                found.add(cell)
    return found
