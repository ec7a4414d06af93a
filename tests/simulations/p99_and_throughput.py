"""Coverage of the intervals of p99 and of throughput, by class of target: two tables of docs/timing.md.

To run it: PYTHONPATH=src:. python tests/simulations/p99_and_throughput.py [studies a cell]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.signal import lfilter
from scipy.stats import norm

from bakeoff.artifacts.collected import Interval
from bakeoff.artifacts.timing import Throughput
from bakeoff.collect.intervals import RoundLevel, RoundNoise, t_of
from bakeoff.collect.noise import seconds_an_item
from bakeoff.collect.tail_interval import p99_interval
from bakeoff.measure.statistics import quantile_interval, summarize

JITTER = 0.05
SPIKE = np.log(10)
BURST = 50


def ar1(rng: np.random.Generator, phi: float, shape: tuple[int, int]) -> np.ndarray:
    """A stationary AR(1) process of variance 1 along the last axis."""
    noise = rng.standard_normal(shape)
    noise[:, 1:] *= np.sqrt(1 - phi**2)
    return lfilter([1], [1, -phi], noise, axis=-1)


def in_bursts(rng: np.random.Generator, shape: tuple[int, int], rate: float) -> np.ndarray:
    """Which inferences are in bursts of `BURST`, which begin at random; `rate` is the share of them."""
    begins = rng.random((shape[0], shape[1] + BURST - 1)) < -np.log(1 - rate) / BURST
    begun = np.cumsum(np.pad(begins, ((0, 0), (1, 0))), axis=1)
    return begun[:, BURST:] > begun[:, :-BURST]


@dataclass(frozen=True)
class Tail:
    """A class of targets, whose latency is 1 ms but for jitter of 5 %."""

    name: str
    between: float = 0.0
    """Standard deviation of the rounds' levels."""
    phi: float = 0.0
    bursts: float = 0.0
    """Share of inferences that take ten times as long, in runs of 50."""
    spikes: float = 0.0
    """The same, one by one; the share differs from round to round by a factor (lognormal, sigma 0.7)."""

    def draw(self, rng: np.random.Generator, rounds: int, n: int) -> np.ndarray:
        """Latencies, shape (rounds, n)."""
        shape = (rounds, n)
        y = JITTER * (ar1(rng, self.phi, shape) if self.phi else rng.standard_normal(shape))
        y += self.between * rng.standard_normal((rounds, 1))
        if self.bursts:
            y += SPIKE * in_bursts(rng, shape, self.bursts)
        if self.spikes:
            y += SPIKE * (rng.random(shape) < self.spikes * np.exp(0.7 * rng.standard_normal((rounds, 1))))
        return np.exp(y)

    @property
    def truth(self) -> float:
        """The 99th percentile of a process of typical speed."""
        slow = self.bursts or self.spikes * np.exp(0.7**2 / 2)

        def beyond(t: float) -> float:
            return (1 - slow) * norm.sf(t / JITTER) + slow * norm.sf((t - SPIKE) / JITTER) - 0.01

        return float(np.exp(brentq(beyond, -1, 4)))


TAILS = [
    Tail("independent"),
    Tail("rounds differ by 2 %", between=0.02),
    Tail("rounds differ by 10 %", between=0.10),
    Tail("AR(1) 0.9", phi=0.9),
    Tail("bursts, 1 %", bursts=0.01),
    Tail("bursts, 2 %", bursts=0.02),
    Tail("bursts, 3 %", bursts=0.03),
    Tail("spikes, 2 %, as many as the round has it", spikes=0.02),
]


def latency_of(samples: np.ndarray) -> Interval:
    """The latency of a target that is alone in its study, whose rounds are the rows."""
    noise = RoundNoise({0: [RoundLevel(summarize(row), "a", r) for r, row in enumerate(samples)]})
    return noise.latency_ms(0)


def p99_coverage(tail: Tail, rounds: int, n: int, studies: int, seed: int = 0) -> tuple[float, float, float]:
    """Shares of studies: covered before this, covered now, and with an open upper end."""
    rng, truth = np.random.default_rng(seed), tail.truth
    before, now, is_open = 0, 0, 0
    for _ in range(studies):
        samples = tail.draw(rng, rounds, n)
        low, high = quantile_interval(samples.ravel(), 0.99)
        before += low <= truth <= high
        found = p99_interval(latency_of(samples), list(samples))
        # p99 is not given of fewer than 1,000 samples, so that nothing is claimed.
        now += found is None or (found.low <= truth and (found.high is None or truth <= found.high))
        is_open += found is None or found.high is None
    return before / studies, now / studies, is_open / studies


def throughput_of(rates: np.ndarray) -> Throughput:
    """A pass with segments of these rates."""
    return Throughput(items_per_s=1 / float(np.mean(1 / rates)), n=50 * rates.size, segments=rates.tolist())


def throughput_coverage(
    phi: float, between: float, rounds: int, segments: int, studies: int, seed: int = 0
) -> tuple[float, float]:
    """Shares of studies covered: with segments taken for independent in a single round (before), and now."""
    rng = np.random.default_rng(seed)
    before, now = 0, 0
    for _ in range(studies):
        y = 0.01 * ar1(rng, phi, (rounds, segments)) + between * rng.standard_normal((rounds, 1))
        made = [throughput_of(np.exp(-row)) for row in y]
        levels = [RoundLevel(seconds_an_item(m, alone=rounds == 1), "a", r) for r, m in enumerate(made)]
        interval = RoundNoise({0: levels}).latency_ms(0)
        now += interval.low <= 1 <= interval.high
        seconds = np.exp(y[0])
        half = t_of(0.95, segments - 1) * seconds.std(ddof=1) / np.sqrt(segments)
        before += abs(seconds.mean() - 1) <= half
    return before / studies, now / studies


def _print_table(names: list[str], head: str, cell: Callable[[int, int], str], columns: list[int]) -> None:
    print(f"\n{head:44}" + "".join(f"{column:>22}" for column in columns))
    for place, name in enumerate(names):
        print(f"{name:44}" + "".join(f"{cell(place, column):>22}" for column in columns), flush=True)


def main(studies: int) -> None:
    """Print the tables."""
    for rounds in (1, 2, 3, 5):

        def cell(place: int, n: int, rounds: int = rounds) -> str:
            fewer = studies if n < 5000 else studies // 2
            before, now, is_open = (100 * x for x in p99_coverage(TAILS[place], rounds, n, fewer))
            return f"{before:.0f} -> {now:.0f} ({is_open:.0f} open)"

        _print_table([t.name for t in TAILS], f"p99, {rounds} rounds of n", cell, [100, 334, 1000, 10_000])
    kinds = [(phi, between) for between in (0.0, 0.01, 0.05) for phi in (0.0, 0.7)]
    for segments in (2, 3, 10):

        def rate(place: int, rounds: int, segments: int = segments) -> str:
            before, now = (100 * x for x in throughput_coverage(*kinds[place], rounds, segments, 4 * studies))
            return f"{before:.0f} -> {now:.0f}" if rounds == 1 else f"{now:.0f}"

        names = [f"phi {phi}, rounds differ by {100 * between:.0f} %" for phi, between in kinds]
        _print_table(names, f"throughput, {segments} segments; rounds:", rate, [1, 2, 3, 5])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
