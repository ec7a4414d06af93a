"""The noise of a study from the records of its targets, and which of them were not measured with the others."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence

from bakeoff.artifacts.timing import Distribution, Throughput, TimingRecord
from bakeoff.collect.estimate import Estimate
from bakeoff.collect.intervals import LEVEL, RoundLevel, RoundNoise, t_of
from bakeoff.collect.noise_class import noise_class
from bakeoff.collect.result import TargetRecords
from bakeoff.core.cell import Cell

SEGMENT_CORRELATION = 0.7
"""Assumed of successive parts of a throughput pass."""


def noise_of(read: Sequence[TargetRecords]) -> RoundNoise[Cell]:
    """The noise of the latencies of all targets that were timed."""
    return noise_of_rounds(_rounds(read))


def noise_of_rounds(rounds: Mapping[Cell, Sequence[TimingRecord]]) -> RoundNoise[Cell]:
    """The same, from the records of the rounds of timed targets."""
    return _noise(rounds, lambda record, _: record.latency_ms)


def noise_of_throughput(read: Sequence[TargetRecords]) -> RoundNoise[Cell]:
    """The noise of their throughput, as seconds an item: what is right for latencies is right for it."""

    def level(record: TimingRecord, alone: bool) -> Distribution | None:
        return seconds_an_item(record.throughput, alone) if record.throughput else None

    return _noise(_rounds(read), level)


def items_per_s(noise: RoundNoise[Cell], records: TargetRecords) -> Estimate:
    """The throughput of a target with its 95 % interval, from `noise_of_throughput`.

    One round of an old record, which has no segments, tells nothing of what it varies by. Where other targets do not
    tell it either, there is no interval, and not one of no width.
    """
    seconds = noise.latency_ms(records.planned.cell)
    parted = any(len(record.throughput.segments) > 1 for record in records.rounds if record.throughput)
    if len(records.rounds) == 1 and not parted and seconds.low == seconds.high:
        return Estimate(1 / seconds.value, None, None)
    return Estimate(1 / seconds.value, 1 / seconds.high, 1 / seconds.low)


def _rounds(read: Sequence[TargetRecords]) -> dict[Cell, list[TimingRecord]]:
    return {records.planned.cell: records.rounds for records in read if records.timed}


def _noise(
    rounds: Mapping[Cell, Sequence[TimingRecord]], level: Callable[[TimingRecord, bool], Distribution | None]
) -> RoundNoise[Cell]:
    """The noise of a quantity.

    Args:
        rounds: Of each target.
        level: Of a round: its level and what tells of it within the round; the flag says whether it is the only one.
    """

    def levels(records: Sequence[TimingRecord]) -> list[RoundLevel]:
        found = [(level(record, len(records) == 1), record) for record in records]
        return [RoundLevel(each, record.session, record.target.round or 0) for each, record in found if each]

    classes = {cell: noise_class(records) for cell, records in rounds.items()}
    return RoundNoise({cell: levels(records) for cell, records in rounds.items()}, classes)


def seconds_an_item(throughput: Throughput, alone: bool) -> Distribution:
    """Seconds an item of one round; what its parts vary by makes its interval.

    Successive parts are not independent, and two to ten of them cannot tell how dependent they are. So the parts of an
    only round are taken for an AR(1) process of coefficient `SEGMENT_CORRELATION`. Where there are several rounds they
    tell by themselves what the rounds vary by. There the parts only give a floor, which assumes as little as it can.

    Args:
        throughput: Of the round.
        alone: Whether it is the target's only round, so that nothing else tells its noise.
    """
    each = [1 / rate for rate in throughput.segments]
    whole = 1 / throughput.items_per_s
    half = 0.0
    if len(each) > 1:
        inflation, freedom = dependent_mean(len(each), SEGMENT_CORRELATION if alone else 0.0)
        half = t_of(LEVEL, freedom) * statistics.stdev(each) * math.sqrt(inflation / len(each))
    low, high = max(whole - half, 0.01 * whole), whole + half
    return Distribution(
        median=whole, mean=whole, std=0.0, min=whole, max=whole, p90=None, p95=None, p99=None, ci95=(low, high),
        n=throughput.n,
    )  # fmt: skip


def dependent_mean(n: int, correlation: float) -> tuple[float, float]:
    """What the mean of n successive values of an AR(1) process varies by, and how surely their variance tells it.

    Args:
        n: At least 2.
        correlation: Of neighbours, as a coefficient from 0 to below 1.

    Returns:
        Variance of the mean over the expectation of s²/n, which is 1 for independent values; and the degrees of freedom
        of s² by its first two moments (Satterthwaite, Biometrics Bulletin 2, 1946), n - 1 for independent values.
    """
    import numpy as np

    places = np.arange(n)
    covariance = np.power(float(correlation), np.abs(places[:, None] - places))
    centred = covariance - covariance.mean(axis=0)
    trace = float(np.trace(centred))
    variance_of_mean = float(covariance.mean())
    return variance_of_mean * n * (n - 1) / trace, trace**2 / float(np.trace(centred @ centred))


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
