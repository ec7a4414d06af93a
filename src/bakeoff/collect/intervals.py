"""Confidence intervals over rounds, for latencies and for their ratios.

Rounds (fresh processes) are few, targets are many, and part of the noise is the machine's, which all targets of a
round share. So, with y[j, r] the logarithm of the median latency of target j in round r:

1. y[j, r] = m[j] + b[r] + e[j, r]. The shared effect b[r] is the median over targets of y[j, r] less the target's
   mean over rounds (one step of Tukey's median polish, 1977), so that one bad target does not move it. With fewer
   than `MIN_TARGETS` targets it cannot be told from e, and stays in it.
2. The variance of e[j, .] over rounds has too few degrees of freedom (d = rounds - 1) to stand alone: with three
   rounds every tenth one is tenfold too small. It is moderated by an empirical-Bayes prior estimated from all
   targets of the study (Smyth, "Linear models and empirical Bayes methods...", Stat. Appl. Genet. Mol. Biol. 3(1),
   2004, section 6.2 for the estimates of d0 and s0², section 3 for the posterior variance
   (d0·s0² + d·s²)/(d0 + d) with d0 + d degrees of freedom).
3. It is never taken below the variance of a round's median as the round's own interval states it, which is also what
   stands in where there is one round only. Such an interval does not contain the variation between processes.
4. The estimate is the median over rounds; its variance is that of the mean times the price of the median for a normal
   sample of that size. A latency has the variance of b too; a ratio has not, since it is paired by round and b drops
   out, but has the variances of both targets. The sum of a target's own and the shared variance has the degrees of
   freedom of Satterthwaite (Biometrics Bulletin 2, 1946). The interval is exp(estimate ± t·standard error).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from bakeoff.artifacts.collected import Interval
from bakeoff.artifacts.timing import Distribution
from bakeoff.measure.statistics import t_quantile

if TYPE_CHECKING:
    import numpy as np

Key = TypeVar("Key")

MIN_TARGETS = 5
"""Targets from which on the shared effect of a round is estimated."""
_Z = 1.959963984540054
MEDIAN_PRICE = {1: 1.0, 2: 1.0, 3: 1.346, 4: 1.193, 5: 1.434, 6: 1.289, 7: 1.473, 8: 1.346, 9: 1.495, 10: 1.383}
"""Variance of the median of n normal values over that of their mean (order statistics, integrated numerically)."""
_MEDIAN_PRICE_LIMIT = math.pi / 2


@dataclass(frozen=True)
class _Variance:
    """Variance of one round's log median, and its degrees of freedom."""

    value: float
    freedom: float


class RoundNoise(Generic[Key]):
    """The noise of a study, estimated from all its timed targets; gives intervals for latencies and ratios."""

    def __init__(self, rounds: Mapping[Key, Sequence[Distribution]]) -> None:
        """Estimate the noise.

        Args:
            rounds: For each target its rounds' latency distributions in order; as many rounds for each target.

        Raises:
            ValueError: Targets have different numbers of rounds, or none.
        """
        import numpy as np

        counts = {len(distributions) for distributions in rounds.values()}
        if len(counts) > 1 or counts == {0}:
            raise ValueError(f"every target needs the same number of rounds, at least one; there are {sorted(counts)}")
        self._rounds = rounds
        self._n = counts.pop() if counts else 0
        self._index = {key: i for i, key in enumerate(rounds)}
        shape = (len(rounds), self._n)
        # y: logarithms of median latencies in ms, shape (targets, rounds)
        self._y = np.log(np.array([[d.median for d in ds] for ds in rounds.values()])).reshape(shape)
        low, high = (np.array([[d.ci95[i] for d in ds] for ds in rounds.values()]).reshape(shape) for i in (0, 1))
        within = ((np.log(high / low) / (2 * _Z)) ** 2).mean(axis=1) if rounds else np.empty(0)
        self._shared, own = _between(self._y)
        self._own = [_Variance(max(v.value, float(w)), v.freedom) for v, w in zip(own, within, strict=True)]

    def latency_ms(self, key: Key) -> Interval:
        """Median over rounds of the rounds' median latencies, in milliseconds."""
        value = _median([d.median for d in self._rounds[key]])
        own = self._own[self._index[key]]
        total = own.value + self._shared.value
        if total == 0:
            return Interval(value=value, low=value, high=value)
        lost = sum(v.value**2 / v.freedom for v in (own, self._shared))
        return self._interval(value, total, total**2 / lost if lost else math.inf)

    def ratio(self, above: Key, below: Key) -> Interval:
        """Latency of `above` over that of `below`, paired by round; exactly 1 for a target and itself."""
        if above == below:
            return Interval(value=1.0, low=1.0, high=1.0)
        i, j = self._index[above], self._index[below]
        value = math.exp(_median(list(self._y[i] - self._y[j])))
        # Both variances lean on the same prior, so together they are no surer than one of them.
        freedom = min(self._own[i].freedom, self._own[j].freedom)
        return self._interval(value, self._own[i].value + self._own[j].value, freedom)

    def _interval(self, value: float, variance: float, freedom: float) -> Interval:
        price = MEDIAN_PRICE.get(self._n, _MEDIAN_PRICE_LIMIT)
        reach = math.exp(t_quantile(freedom) * math.sqrt(variance * price / self._n))
        return Interval(value=value, low=value / reach, high=value * reach)


def fit_prior(variances: np.ndarray, d: int) -> tuple[float, float]:
    """Degrees of freedom d0 and scale s0² of the scaled inverse chi-square prior of the variances (Smyth 2004, 6.2).

    d0 is infinite where the variances differ no more than chance explains.

    Args:
        variances: Shape (n,), n >= 2, sample variances with `d` degrees of freedom each, not all zero.
        d: At least 1.
    """
    import numpy as np
    from scipy.special import digamma, polygamma

    # A variance of exactly zero (equal medians from a coarse clock) has no logarithm.
    floor = 1e-5 * float(np.median(variances[variances > 0]))
    e = np.log(np.maximum(variances, floor)) - digamma(d / 2) + math.log(d / 2)
    spread = float(e.var(ddof=1)) - float(polygamma(1, d / 2))
    if spread <= 0:
        return math.inf, float(variances.mean())
    d0 = 2 * inverse_trigamma(spread)
    return d0, math.exp(float(e.mean()) + float(digamma(d0 / 2)) - math.log(d0 / 2))


def inverse_trigamma(value: float) -> float:
    """The x > 0 whose trigamma is `value` > 0, by Newton's method on 1/trigamma (Smyth 2004, appendix)."""
    from scipy.special import polygamma

    if value > 1e7:
        return 1 / math.sqrt(value)
    if value < 1e-6:
        return 1 / value
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return x


def _between(y: np.ndarray) -> tuple[_Variance, list[_Variance]]:
    """Variance of the shared effect of a round, and for each target that of its own, from y (targets, rounds)."""
    import numpy as np

    targets, rounds = y.shape
    d = rounds - 1
    if d < 1:
        return _Variance(0.0, math.inf), [_Variance(0.0, math.inf)] * targets
    shared = _Variance(0.0, math.inf)
    if targets >= MIN_TARGETS:
        effect = np.median(y - y.mean(axis=1, keepdims=True), axis=0)
        shared = _Variance(float(effect.var(ddof=1)), d)
        y = y - effect
    s2 = y.var(axis=1, ddof=1)
    if targets >= MIN_TARGETS:
        s2 = s2 * targets / (targets - 1)  # each target has pulled the shared effect a little towards itself
    if targets < 2 or not s2.any():
        return shared, [_Variance(float(v), d) for v in s2]
    d0, s02 = fit_prior(s2, d)
    # Prior and own variance together are no surer than the degrees of freedom of all targets, less the shared effect's.
    d0 = min(d0, float(d * (targets - 1)))
    freedom = max(d, min(d0 + d, float(d * (targets - 1))))
    return shared, [_Variance((d0 * s02 + d * float(v)) / (d0 + d), freedom) for v in s2]


def _median(values: Sequence[float]) -> float:
    import statistics

    return float(statistics.median(values))
