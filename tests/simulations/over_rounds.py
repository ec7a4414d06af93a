"""Coverage of the intervals over rounds, by class of target: the table of the statistics in docs/timing.md.

To run it: PYTHONPATH=src:. python tests/simulations/over_rounds.py [studies a cell]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bakeoff.artifacts.timing import Distribution
from bakeoff.collect.intervals import RoundLevel, RoundNoise

WITHIN = 0.001
"""Half width of a round's own interval, as a fraction of the median: far below what varies between rounds."""


def level(log_median: float, number: int, session: str | None = "a", within: float = WITHIN) -> RoundLevel:
    """A round whose median is exp(log_median) milliseconds."""
    median = float(np.exp(log_median))
    ci95 = (median * (1 - within), median * (1 + within))
    made = Distribution(
        median=median, mean=median, std=0.0, min=median, max=median, p90=None, p95=None, p99=None, ci95=ci95, n=100
    )
    return RoundLevel(made, session, number)


def noise_of(y: np.ndarray, classes: Mapping[int, str] | None = None) -> RoundNoise[int]:
    """The noise of targets 0, 1, ... with log medians y, shape (targets, rounds); NaN where one lacks a round."""
    there = ~np.isnan(y)
    return RoundNoise(
        {j: [level(row[r], int(r)) for r in np.flatnonzero(there[j])] for j, row in enumerate(y)}, classes
    )


@dataclass(frozen=True)
class Case:
    """Targets of true log latency 0; `sd` of each target, what a round does to all, and what else happens."""

    name: str
    sd: np.ndarray
    shared: float = 0.0
    outlier: float = 0.0
    """Added to target 0 in round 0."""
    classes: tuple[str, ...] | None = None

    def draw(self, rng: np.random.Generator, rounds: int) -> np.ndarray:
        """Log medians, shape (targets, rounds)."""
        y = self.sd[:, None] * rng.standard_normal((self.sd.size, rounds))
        y += self.shared * rng.standard_normal(rounds)
        y[0, 0] += self.outlier
        return y


def further(y: np.ndarray, contenders: int) -> np.ndarray:
    """The same with the rounds beyond the third left to the first targets alone, as further rounds are."""
    y = y.copy()
    y[contenders:, 3:] = np.nan
    return y


def mixed(targets: int, noisy: int, times: float, sd: float = 0.01) -> np.ndarray:
    """The first `noisy` targets have sd times `times`."""
    return np.where(np.arange(targets) < noisy, sd * times, sd)


SAMPLE = np.where(np.arange(50) < 14, 0.25, 0.01)
CASES = [
    (Case("equal, J = 20", np.full(20, 0.01)), {"quiet": (1, 2)}),
    (Case("variance 10x in half of 20", mixed(20, 10, 10**0.5)), {"noisy": (1, 2), "quiet": (11, 12)}),
    (Case("one target with sd 10x, J = 20", mixed(20, 1, 10)), {"noisy": (0, 1), "quiet": (1, 2)}),
    (Case("one target with sd 10x, J = 200", mixed(200, 1, 10)), {"noisy": (0, 1), "quiet": (1, 2)}),
    (Case("sample report's mix, one class", SAMPLE), {"noisy": (0, 1), "quiet": (20, 21), "noisy to quiet": (0, 21)}),
    (
        Case("sample report's mix, two classes", SAMPLE, classes=tuple("h" if s > 0.1 else "d" for s in SAMPLE)),
        {"noisy": (0, 1), "quiet": (20, 21), "noisy to quiet": (0, 21)},
    ),
    (Case("shared 5 %, J = 3", np.full(3, 0.01), shared=0.05), {"all": (0, 1)}),
    (Case("shared 5 %, J = 4", np.full(4, 0.01), shared=0.05), {"all": (0, 1)}),
    (Case("shared 5 %, J = 20", np.full(20, 0.01), shared=0.05), {"all": (0, 1)}),
    (Case("+10 % in one round of one, J = 20", np.full(20, 0.01), outlier=0.1), {"that one": (0, 1), "quiet": (1, 2)}),
    (Case("+10 % in one round of one, J = 200", np.full(200, 0.01), outlier=0.1), {"that one": (0, 1)}),
]  # fmt: skip


def coverage(
    case: Case, whose: Mapping[str, tuple[int, int]], rounds: int, studies: int, seed: int = 0
) -> dict[str, tuple[float, ...]]:
    """Coverage of a latency and a ratio, and their median half widths, as fractions; for each pair of `whose`."""
    rng = np.random.default_rng(seed)
    hits, widths = np.zeros((2, studies, len(whose), 2))
    classes = dict(enumerate(case.classes)) if case.classes else None
    for k in range(studies):
        noise = noise_of(case.draw(rng, rounds), classes)
        for who, (one, other) in enumerate(whose.values()):
            for place, interval in enumerate((noise.latency_ms(one), noise.ratio(one, other))):
                hits[k, who, place] = interval.low <= 1 <= interval.high
                widths[k, who, place] = np.log(interval.high / interval.low) / 2
    found = np.concatenate([hits.mean(axis=0), np.median(widths, axis=0)], axis=1)
    return {name: tuple(map(float, row)) for name, row in zip(whose, found, strict=True)}


def equal_targets(
    make: Callable[[np.random.Generator], np.ndarray], studies: int, seed: int = 1
) -> tuple[float, float]:
    """(share of studies that deny a tie with the best to some target, share of pairs told apart one by one)."""
    rng = np.random.default_rng(seed)
    denied, apart = 0, []
    for _ in range(studies):
        y = make(rng)
        noise = noise_of(y)
        best = min(range(len(y)), key=lambda j: noise.latency_ms(j).value)
        others = [j for j in range(len(y)) if j != best]
        denied += any(noise.ratio(j, best, of_many=len(y)).low > 1 for j in others)
        apart.append(noise.ratio(0, 1).differs_from_one)
    return denied / studies, float(np.mean(apart))


def main(studies: int) -> None:
    """Print the tables."""
    print(f"{'case':36}{'who':16}" + "".join(f"{f'R = {r}: latency/ratio (half widths)':42}" for r in (2, 3, 5)))
    for case, whose in CASES:
        fewer = studies if case.sd.size < 100 else studies // 2
        found = [coverage(case, whose, rounds, fewer) for rounds in (2, 3, 5)]
        for who in whose:
            cells = []
            for by_who in found:
                latency, ratio, wide, wider = (100 * share for share in by_who[who])
                cells.append(f"{latency:5.1f}/{ratio:5.1f} (±{wide:.1f} %, ±{wider:.1f} %)")
            print(f"{case.name:36}{who:16}" + "".join(f"{cell:42}" for cell in cells), flush=True)
    for rounds in (2, 3, 5, 7):
        denied, apart = equal_targets(lambda rng, r=rounds: 0.01 * rng.standard_normal((20, r)), studies)
        slower = np.zeros(20)
        slower[1:] = np.log(1.1)
        rng, told = np.random.default_rng(2), 0
        for _ in range(studies // 4):
            noise = noise_of(slower[:, None] + 0.01 * rng.standard_normal((20, rounds)))
            told += sum(noise.ratio(j, 0, of_many=20).low > 1 for j in range(1, 20))
        print(
            f"20 equal targets, R = {rounds}: a tie is denied in {100 * denied:.1f} % of studies, a pair is told apart "
            f"in {100 * apart:.1f} %; 10 % slower is told in {100 * told / (19 * (studies // 4)):.1f} %"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
