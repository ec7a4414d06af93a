"""Targets with further rounds beside others that lack them: who is named best, ratios, intervals, who gets more."""

import numpy as np
import pytest
from tests.simulations.over_rounds import further, level, noise_of

from bakeoff.artifacts.accuracy import AccuracyRecord
from bakeoff.artifacts.plan import PlannedTarget
from bakeoff.artifacts.timing import TimingRecord
from bakeoff.collect.contenders import contenders
from bakeoff.collect.intervals import RoundNoise
from bakeoff.collect.result import TargetRecords
from bakeoff.config.study import Study
from bakeoff.core.cell import Cell

STUDIES = 150


def studies(true, shared=0.05, seed=0):
    """Log medians of targets with true log latencies `true`; the first two have five rounds, the others three."""
    rng = np.random.default_rng(seed)
    for _ in range(STUDIES):
        y = np.asarray(true)[:, None] + 0.01 * rng.standard_normal((len(true), 5)) + shared * rng.standard_normal(5)
        yield further(y, 2)


def test_what_the_machine_did_in_further_rounds_does_not_name_the_best():
    """Targets 3 % slower: the best is one of the two that compete. Means of what each has would name another."""
    wrong = wrong_by_means = 0
    for y in studies([0.0, 0.0] + [np.log(1.03)] * 4):
        noise = noise_of(y)
        wrong += min(range(6), key=lambda j: noise.latency_ms(j).value) > 1
        wrong_by_means += int(np.nanmean(y, axis=1).argmin()) > 1
    assert wrong <= 0.02 * STUDIES
    assert wrong_by_means > 0.03 * STUDIES


@pytest.mark.parametrize("targets", [6, 20])
def test_ratios_between_five_and_three_rounds_are_near_and_covered(targets):
    ratios, plain, covered = [], [], 0
    for y in studies(np.zeros(targets)):
        ratio = noise_of(y).ratio(0, 5)
        ratios.append(np.log(ratio.value))
        plain.append(np.nanmean(y[0]) - np.nanmean(y[5]))
        covered += ratio.low <= 1 <= ratio.high
    assert np.std(ratios) < 0.01  # 0.8 % come from the 1 % of each target's own
    assert np.std(plain) > 0.015
    assert covered >= 0.93 * STUDIES


@pytest.mark.parametrize("who", [0, 5])
def test_latencies_are_covered_with_further_rounds_and_without(who):
    """The level is that of the study as a whole, so what a round does to all is part of the interval."""
    covered = sum(
        interval.low <= 1 <= interval.high
        for y in studies(np.zeros(6), seed=1)
        for interval in [noise_of(y).latency_ms(who)]
    )
    assert covered >= 0.93 * STUDIES


def test_who_has_no_further_rounds_keeps_its_latency():
    """Further rounds are read at the level of the first ones, so nothing moves for those that are out of the race."""
    y = next(studies(np.zeros(6)))
    assert noise_of(y).latency_ms(5).value == pytest.approx(float(np.exp(np.nanmean(y[5]))))


def test_with_equal_rounds_a_latency_is_the_geometric_mean_of_its_rounds():
    y = 0.1 * np.random.default_rng(0).standard_normal((12, 5))
    noise = noise_of(y)
    for j in range(12):
        assert noise.latency_ms(j).value == pytest.approx(float(np.exp(y[j].mean())), rel=1e-9)


def test_sessions_without_a_common_target_do_not_move_each_other():
    rng = np.random.default_rng(0)
    y = 0.1 * rng.standard_normal((12, 3))
    days = ["monday"] * 8 + ["tuesday"] * 4
    noise = RoundNoise(
        {j: [level(v, r, day) for r, v in enumerate(row)] for j, (row, day) in enumerate(zip(y, days, strict=True))}
    )
    for j in range(12):
        assert noise.latency_ms(j).value == pytest.approx(float(np.exp(y[j].mean())), rel=1e-9)


def _records(medians_ms, **changes):
    """Records of one target of question (m, fp32, 1) whose rounds have these medians."""
    label = changes.pop("label")
    cell = Cell(study="s", model="m", backend=label, precision="fp32", batch_size=1)
    rounds = [
        TimingRecord(
            target=cell.at(round=number), status="ok", session="a", latency_ms=level(np.log(ms), number).latency_ms
        )
        for number, ms in enumerate(medians_ms, 1)
    ]
    accuracy = AccuracyRecord(target=cell, status="ok", passed=changes.pop("passed", True))
    return TargetRecords(PlannedTarget(cell=cell, engine=cell, device="cpu"), accuracy=accuracy, rounds=rounds)


def test_contenders_are_the_best_and_who_is_not_told_from_it(make_study):
    """Surely slower, wrong and alone in the lead: none of these costs a further round. Rounds that disagree do."""
    near = [1.00, 1.02, 0.99]
    records = [
        _records(near, label="a"),
        _records([1.02, 0.99, 1.01], label="b"),
        _records([2.0, 2.02, 1.98], label="slower"),
        _records([0.5, 0.5, 0.51], label="wrong", passed=False),
        _records([3.0, 3.0, 4.5], label="unsteady"),
    ]
    assert [cell.backend for cell in contenders(records, make_study())] == ["a", "b", "unsteady"]
    assert contenders(records[:1] + records[2:4], make_study()) == []


def test_contenders_that_are_surely_alike_get_no_further_rounds(make_study):
    records = [_records([1.0, 1.0005, 1.0], label="a"), _records([1.001, 1.0, 1.0005], label="b")]
    assert contenders(records, make_study()) == []


@pytest.fixture
def make_study():
    def make() -> Study:
        return Study.model_validate(
            {"study": "s", "models": {"m": {"source": "torchvision", "name": "resnet18"}}, "backends": {"eager": {}}}
        )

    return make
