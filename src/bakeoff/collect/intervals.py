"""Confidence intervals over rounds: for a latency, for the ratio of two, and for a claim about the best of many.

Rounds (fresh processes) are few, targets are many, and part of the noise is the machine's, which all targets of a round
share. With y[j, b] the logarithm of the median latency of target j in round b:

1. **Estimates.** A latency is the geometric mean over its rounds of their medians. A ratio is the quotient of two such
   latencies, so the figures of a row always agree. Between targets that were measured in the same rounds, this is at
   the same time the paired estimate: what a round does to both cancels. Where some targets have further rounds, what
   those rounds did to their class is taken out first, relative to the rounds that most have (`_Effects`): otherwise a
   contender would look fast because the machine was, in rounds that the others lack. A further round that one target of
   a class has alone tells nothing of the machine, and counts as it is.
2. **Pairing.** The interval of a ratio rests on the differences y[i, b] - y[j, b] of the rounds that both have. A round
   is a number within a session, so what was measured on another day is never paired; see `unpaired` for what then
   stands in.
3. **Two variances, and the wider interval counts.** A target's own variance over R rounds has R - 1 degrees of freedom,
   which makes Student's t large (4.3 for three rounds) and is right for any target, however noisy. The moderated one
   borrows from the targets of its class by an empirical-Bayes prior (Smyth, Stat. Appl. Genet. Mol. Biol. 3(1), 2004),
   fitted to variances whose largest tenth is cut back (after Phipson et al., Ann. Appl. Stat. 10(2), 2016). It is right
   for a target that is like the others and far too narrow for one that is noisier than its class. No figure tells with
   certainty which a target is, so the interval is never narrower than its own rounds allow (`OWN_LEVEL`), nor
   narrower than its class does, since three rounds may agree by luck.
4. **Classes.** Where the GPU waits for the host, rounds vary by 25 %; where it does not, by 1 %. One prior for both is
   wrong for each. Classes come from facts of the rounds (`bakeoff.collect.noise_class`).
5. The variance is never taken below that of a round's median as the round's own interval states it, which is also what
   stands in where there is one round only. Such an interval does not contain the variation between processes.
6. **Many comparisons.** `RoundNoise.ratio` can be asked for an interval that holds for all pairs of J targets at once.
   The moderated part then is Student's t at 1 - 0.025 / (J (J - 1) / 2) (Bonferroni): one study in twenty, and not
   one pair in twenty, may then tell equal targets apart. The part of the target's own is not adjusted: it guards
   against a target noisier than its class, and adjusted it would be ten times as wide with three rounds.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from bakeoff.artifacts.collected import Interval
from bakeoff.artifacts.timing import Distribution
from bakeoff.core.quantiles import NORMAL_975

if TYPE_CHECKING:
    import numpy as np

Key = TypeVar("Key", bound=Hashable)

LEVEL = 0.95
OWN_LEVEL = 0.95
"""Level of the interval from a target's own rounds alone. Together with the moderated one it covers at least 93 % for
every kind of target that was simulated (tests/simulations/over_rounds.py)."""
OWN_LEVEL_OF_TWO = 0.92
"""The same for two rounds, whose t at 95 % would be 12.7: two rounds cannot tell more."""
SESSION_SD = 0.04
"""Assumed standard deviation of a target's latency from one session to another (another day, another start of the
machine), as a fraction. It cannot be estimated from a study that was measured once. Two targets that have no round in
common differ by this much more, each."""
MANY_TARGETS = 5
"""From so many targets of a class on, what a round does to all of them is told by their median, which one bad target
does not move; of fewer by their mean."""
MAX_SWEEPS = 30
"""Of median polish. Where some targets have further rounds, each sweep takes most of what the one before left."""
SETTLED = 1e-5
"""Median polish ends where no effect changes by more: a thousandth of the variation that is common between rounds."""
WINSORIZED = 0.1
"""Share of the variances, the largest, that are cut back before the prior is fitted."""


@dataclass(frozen=True)
class RoundLevel:
    """One round of one target."""

    latency_ms: Distribution
    session: str | None = None
    """None: of no known session, and so paired with nothing."""
    number: int = 1


@dataclass(frozen=True)
class _Noise:
    """What varies from round to round, of one target: variances of one round's log median."""

    moderated: float
    """Without what a round does to all of its class."""
    freedom: float
    kind: Hashable
    effects: _Effects


@dataclass(frozen=True)
class _Effects:
    """What each round does to all targets of a class."""

    by_round: np.ndarray
    """Shape (rounds,): added to log medians. Its mean over the rounds that most targets have is 0."""
    variance: float
    """Over rounds."""
    freedom: float
    rounds: int
    """How many rounds the zero of `by_round` is a mean of."""

    def of_mean(self, n: int) -> tuple[float, float]:
        """Variance of what the rounds did to a mean over n of them, and its degrees of freedom.

        Further rounds do not make it less, as their effects were taken out.
        """
        return self.variance / min(n, self.rounds), self.freedom


class RoundNoise(Generic[Key]):
    """The noise of a study, estimated from all its timed targets; gives intervals for latencies and ratios."""

    def __init__(
        self, rounds: Mapping[Key, Sequence[RoundLevel]], classes: Mapping[Key, Hashable] | None = None
    ) -> None:
        """Estimate the noise.

        Args:
            rounds: The rounds of each target, at least one; not all targets need have the same ones.
            classes: Of each target, what it is alike in noise with; all are alike when left out.

        Raises:
            ValueError: A target has no round, or two of the same number and session.
        """
        import numpy as np

        columns: dict[Hashable, int] = {}
        places: list[list[int]] = []
        for key, levels in rounds.items():
            blocks = [
                (level.session, level.number) if level.session else (key, place) for place, level in enumerate(levels)
            ]
            if not blocks or len(set(blocks)) < len(blocks):
                raise ValueError(f"{key} needs rounds, each once; it has {len(levels)}: {blocks}")
            places.append([columns.setdefault(block, len(columns)) for block in blocks])
        # y: logarithms of median latencies in ms, shape (targets, rounds of all sessions); NaN where not measured
        self._y = np.full((len(rounds), len(columns)), np.nan)
        within = np.zeros(len(rounds))
        self._sessions: list[frozenset[str | None]] = []
        for j, levels in enumerate(rounds.values()):
            found = [level.latency_ms for level in levels]
            self._y[j, places[j]] = np.log([d.median for d in found])
            widths = np.log([d.ci95[1] / d.ci95[0] for d in found])
            within[j] = float(((widths / (2 * NORMAL_975)) ** 2).mean())
            self._sessions.append(frozenset(level.session for level in levels))
        self._index = {key: j for j, key in enumerate(rounds)}
        self._there = ~np.isnan(self._y)
        self._n = self._there.sum(axis=1)
        self._mean = np.zeros(len(rounds))
        self._noise: dict[int, _Noise] = {}
        by_class: dict[Hashable, list[int]] = {}
        for key, j in self._index.items():
            by_class.setdefault(classes[key] if classes else None, []).append(j)
        for kind, members in by_class.items():
            effects = _effects(self._y[members])
            self._mean[members] = np.nanmean(self._y[members] - effects.by_round, axis=1)
            for j, noise in zip(members, _noise_of(self._y[members], effects, within[members], kind), strict=True):
                self._noise[j] = noise

    def latency_ms(self, key: Key) -> Interval:
        """Geometric mean over rounds of the rounds' median latencies, in milliseconds, with its 95 % interval."""
        import numpy as np

        j = self._index[key]
        noise, n = self._noise[j], int(self._n[j])
        own = self._y[j][self._there[j]]
        half = _reach(
            [(noise.moderated / n, noise.freedom), noise.effects.of_mean(n)], 1,
            float(np.var(own, ddof=1)) / n if n > 1 else 0.0, n - 1,
        )  # fmt: skip
        centre = float(self._mean[j])
        return Interval(value=math.exp(centre), low=math.exp(centre - half), high=math.exp(centre + half))

    def ratio(self, above: Key, below: Key, of_many: int = 2) -> Interval:
        """Latency of `above` over that of `below`; exactly 1 for a target and itself.

        Args:
            above: The target in the numerator.
            below: The one in the denominator.
            of_many: How many targets are compared, all with each other, in a statement that is to hold as a whole with
                95 % confidence. 2: the interval of this one ratio.
        """
        import numpy as np

        if above == below:
            return Interval(value=1.0, low=1.0, high=1.0)
        i, j = self._index[above], self._index[below]
        pairs = max(1, of_many * (of_many - 1) // 2)
        one, other = self._noise[i], self._noise[j]
        value = float(self._mean[i] - self._mean[j])
        if self.is_paired(above, below):
            common = self._there[i] & self._there[j]
            differences = self._y[i, common] - self._y[j, common]
            n, centre = differences.size, float(differences.mean())
            variances = [(noise.moderated / n, noise.freedom) for noise in (one, other)]
            if one.kind != other.kind:  # what a round does to one class it need not do to the other
                variances += [one.effects.of_mean(n), other.effects.of_mean(n)]
            half = _reach(variances, pairs, float(differences.var(ddof=1)) / n if n > 1 else 0.0, n - 1)
        else:
            centre = value
            counts = [int(self._n[k]) for k in (i, j)]
            both = list(zip((one, other), counts, strict=True))
            variances = [(noise.moderated / n, noise.freedom) for noise, n in both]
            variances += [noise.effects.of_mean(n) for noise, n in both]
            if self._sessions[i] != self._sessions[j] or None in self._sessions[i]:
                variances.append((2 * SESSION_SD**2, math.inf))
            own = sum(float(np.nanvar(self._y[k], ddof=1)) / n for k, n in zip((i, j), counts, strict=True) if n > 1)
            half = _reach(variances, pairs, own, min(counts) - 1)
        # Where one target has further rounds, the quotient of what is shown may lie off the middle of what is paired.
        low, high = min(centre - half, value), max(centre + half, value)
        return Interval(value=math.exp(value), low=math.exp(low), high=math.exp(high))

    def is_paired(self, one: Key, other: Key) -> bool:
        """Whether two targets have rounds in common: two, or one where one of them has no more."""
        i, j = self._index[one], self._index[other]
        common = int((self._there[i] & self._there[j]).sum())
        return common >= min(2, int(self._n[i]), int(self._n[j]))


def t_of(level: float, freedom: float, comparisons: int = 1) -> float:
    """The two-sided quantile of Student's t at a level, or of the normal distribution for infinite freedom.

    Args:
        level: Of all comparisons together, as 0.95.
        freedom: Degrees of freedom, at least 1.
        comparisons: How many (Bonferroni).
    """
    from scipy.special import ndtri, stdtrit

    tail = (1 - level) / (2 * comparisons)
    return float(-ndtri(tail) if math.isinf(freedom) else -stdtrit(max(1.0, freedom), tail))


def _reach(variances: Sequence[tuple[float, float]], comparisons: int, own: float, own_freedom: int) -> float:
    """Half the width of the interval of a mean: the wider of the moderated one and the own one.

    Args:
        variances: Parts of the moderated variance of the mean, each with its degrees of freedom (Satterthwaite,
            Biometrics Bulletin 2, 1946).
        comparisons: For the moderated one.
        own: The variance of the mean by its values alone.
        own_freedom: Of `own`; below 1 there is no such interval.
    """
    total = sum(variance for variance, _ in variances)
    lost = sum(variance**2 / freedom for variance, freedom in variances)
    half = t_of(LEVEL, total**2 / lost if lost else math.inf, comparisons) * math.sqrt(total) if total else 0.0
    if own_freedom < 1 or own <= 0:
        return half
    level = OWN_LEVEL if own_freedom > 1 else OWN_LEVEL_OF_TWO
    return max(half, t_of(level, own_freedom) * math.sqrt(own))


def _noise_of(y: np.ndarray, effects: _Effects, within: np.ndarray, kind: Hashable) -> list[_Noise]:
    """The noise of the targets of one class.

    Args:
        y: Shape (targets, rounds), NaN where a target has no such round.
        effects: What the rounds did to all of them.
        within: Shape (targets,), variance of a round's log median as the round's own interval states it.
        kind: The class.
    """
    import numpy as np

    targets, n = y.shape[0], (~np.isnan(y)).sum(axis=1)
    residual = y - effects.by_round
    squares = np.nansum((residual - np.nanmean(residual, axis=1, keepdims=True)) ** 2, axis=1)
    freedom = n - 1
    several = freedom > 0
    s2 = np.where(several, squares / np.maximum(freedom, 1), 0.0)
    if effects.by_round.any() and targets > 1:
        s2 = s2 * targets / (targets - 1)  # each target has pulled what a round does to all a little towards itself
    most = float(freedom.sum()) - (float(freedom.max()) if effects.by_round.any() else 0.0)
    known = s2[several & (s2 > 0)]
    prior = fit_prior(known, freedom[several & (s2 > 0)]) if known.size >= 2 else (0.0, 0.0)
    # No variance is surer than all targets of the class are together.
    d0, s02 = min(prior[0], most), prior[1]
    found = []
    for value, d, least in zip(s2, freedom, within, strict=True):
        if d0 + d > 0:
            moderated, sure = (d0 * s02 + d * float(value)) / (d0 + d), max(float(d), min(d0 + d, most))
        else:
            moderated, sure = 0.0, math.inf
        found.append(_Noise(max(moderated, float(least)), sure, kind, effects))
    return found


def _effects(y: np.ndarray) -> _Effects:
    """What each round does to all targets of a class.

    Median polish (Tukey, Exploratory Data Analysis, 1977), with the mean where targets are few. Where all targets have
    the same rounds it ends after a step or two. A round that only one target has tells nothing about the others: its
    effect is zero.

    Args:
        y: Shape (targets, rounds), NaN where a target has no such round.
    """
    import numpy as np

    there = ~np.isnan(y)
    counts = there.sum(axis=0)
    told = counts >= 2
    effect = np.zeros(y.shape[1])
    if told.sum() < 2:
        return _Effects(effect, 0.0, math.inf, 1)
    n, filled = there.sum(axis=1, keepdims=True), np.where(there, y, 0.0)
    for _ in range(MAX_SWEEPS):
        left = np.where(there, filled - effect, 0.0)
        deviation = np.where(there, left - left.sum(axis=1, keepdims=True) / n, np.nan)
        by_round = np.where(counts >= MANY_TARGETS, _medians(deviation, counts), np.nansum(deviation, axis=0) / counts)
        by_round[~told] = 0.0
        effect += by_round
        if np.abs(by_round).max() < SETTLED:
            break
    common = 0
    for linked in _linked(there, told):
        most = linked & (counts == counts[linked].max())
        effect[linked] -= effect[most].mean()
        common = max(common, int(most.sum()))
    return _Effects(effect, float(effect[told].var(ddof=1)), float(told.sum() - 1), common)


def _medians(columns: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Median of each column, NaNs left out, of which there are `counts` others. NumPy's nanmedian is far slower."""
    import numpy as np

    ordered, every = np.sort(columns, axis=0), np.arange(columns.shape[1])  # NaNs come last
    return (ordered[np.maximum(counts - 1, 0) // 2, every] + ordered[counts // 2, every]) / 2


def _linked(there: np.ndarray, told: np.ndarray) -> list[np.ndarray]:
    """The rounds in groups: two are in one where a chain of targets has both. Sessions without a common target are two.

    Between such groups nothing can be told of the machine, so each has its own zero.
    """
    import numpy as np

    found, left = [], told.copy()
    while left.any():
        group = np.zeros_like(told)
        group[np.flatnonzero(left)[0]] = True
        while True:
            wider = there[there[:, group].any(axis=1)].any(axis=0) & told
            if (wider == group).all():
                break
            group = wider
        found.append(group)
        left &= ~group
    return found


def fit_prior(variances: np.ndarray, freedom: np.ndarray | int) -> tuple[float, float]:
    """Degrees of freedom d0 and scale s0² of the scaled inverse chi-square prior of the variances (Smyth 2004, 6.2).

    The largest tenth is cut back to the next one, so that lone noisy targets do not make the prior one of noisy ones.
    d0 is infinite where the variances differ no more than chance explains.

    Args:
        variances: Shape (n,), n >= 2, sample variances, positive.
        freedom: Their degrees of freedom, at least 1 each; shape (n,) or one for all.
    """
    import numpy as np
    from scipy.special import digamma, polygamma

    d = np.broadcast_to(np.asarray(freedom, dtype=float), variances.shape)
    # A variance near zero (equal medians from a coarse clock) would have a huge negative logarithm.
    floor = 1e-5 * float(np.median(variances))
    e = np.log(np.maximum(variances, floor)) - digamma(d / 2) + np.log(d / 2)
    if e.size >= MANY_TARGETS:
        cut = math.ceil(WINSORIZED * e.size)
        e = np.minimum(e, np.sort(e)[-cut - 1])
    spread = float(e.var(ddof=1)) - float(polygamma(1, d / 2).mean())
    if spread <= 0:
        return math.inf, math.exp(float(e.mean()))
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
