"""How often equal targets are told apart: every such difference is false.

An A/A study times one engine under many labels. Of its targets, those of one question (model and batch size) that have
the same kind, options and precision are equal, and whatever the report says of a difference between them is wrong. The
share of pairs told apart one by one should be near 5 %, the level of the intervals of speed-ups. That any of them is
denied a tie with the best should happen in one study of twenty.
"""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass

from bakeoff.artifacts.collected import BackendSummary, Collected, TargetResult
from bakeoff.backends.options import OF_THE_STUDY
from bakeoff.collect.noise import noise_of_rounds
from bakeoff.collect.standings import standings
from bakeoff.collect.warnings.rules import rounds_disagree
from bakeoff.core.cell import Cell


@dataclass(frozen=True)
class FalseDifferences:
    """What was told apart within one group of equal targets."""

    targets: list[Cell]
    rounds: int
    """Of all targets together."""
    pairs: int
    pairs_apart: int
    """Pairs whose ratio has an interval that does not hold 1."""
    called_slower: list[Cell]
    """Targets of which it was said, as in an answer, that they are surely slower than the best of the group."""
    farthest: float
    """The largest latency of the group over the smallest."""
    half_width: float
    """Median over targets of half the width of a latency's interval, as a fraction."""
    disagree: int
    """Targets whose rounds disagree."""


def false_differences(collected: Collected) -> list[FalseDifferences]:
    """The groups of equal targets of a study, in the order of the report; a group has two targets or more."""
    timed = [target for target in collected.targets if target.row.status == "ok"]
    noise = noise_of_rounds({target.row.cell: target.rounds for target in timed})
    groups: dict[tuple[Cell, str], list[TargetResult]] = {}
    for target in timed:
        equal_to = (target.row.cell.at(backend=None), _engine(collected.backends[target.row.backend]))
        groups.setdefault(equal_to, []).append(target)

    found = []
    for group in groups.values():
        if len(group) < 2:
            continue
        latencies = {target.row.cell: noise.latency_ms(target.row.cell) for target in group}
        by_latency = sorted(latencies, key=lambda cell: latencies[cell].value)
        pairs = list(itertools.combinations(by_latency, 2))
        found.append(
            FalseDifferences(
                targets=[target.row.cell for target in group],
                rounds=sum(len(target.rounds) for target in group),
                pairs=len(pairs),
                pairs_apart=sum(noise.ratio(*pair).differs_from_one for pair in pairs),
                called_slower=[standing.key for standing in standings(by_latency, noise.ratio, 0.0).of("slower")],
                farthest=latencies[by_latency[-1]].value / latencies[by_latency[0]].value,
                half_width=statistics.median(math.log(each.high / each.low) / 2 for each in latencies.values()),
                disagree=sum(rounds_disagree(target.rounds) for target in group),
            )
        )
    return found


def _engine(backend: BackendSummary) -> str:
    """What two labels with equal engines have in common, as text."""
    own = {name: value for name, value in backend.options.items() if name not in OF_THE_STUDY}
    return repr((backend.kind, sorted(own.items())))
