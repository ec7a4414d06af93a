"""Differences told between equal targets, counted."""

import numpy as np
import pytest
from click.testing import CliRunner
from tests.simulations.over_rounds import level

from bakeoff.artifacts.collected import BackendSummary, Collected, Row, TargetResult
from bakeoff.artifacts.environment import EnvironmentRecord
from bakeoff.artifacts.io import write_record
from bakeoff.artifacts.timing import TimingRecord
from bakeoff.collect.false_differences import false_differences
from bakeoff.core.cell import Cell
from bakeoff.tools._command_line import cli


def study(levels, options=None):
    """Results with one target for each label; `levels` has log medians of its rounds."""
    targets = []
    for label, rounds in levels.items():
        cell = Cell(study="aa", model="m", backend=label, precision="fp16", batch_size=1)
        records = [
            TimingRecord(
                target=cell.at(round=k), status="ok", session="s", device="cpu", latency_ms=level(value, k).latency_ms
            )
            for k, value in enumerate(rounds, 1)
        ]
        row = Row(model="m", backend=label, precision="fp16", batch_size=1, device="cpu", status="ok")
        targets.append(TargetResult(row=row, rounds=records))
    whole = Cell(study="aa")
    return Collected(
        target=whole, status="ok", title="A/A", baseline="a/fp16", speedup_against=["a/fp16"],
        environment=EnvironmentRecord(target=whole, status="ok"), settings={}, models={}, answers=[], targets=targets,
        backends={
            label: BackendSummary(kind="eager", summary="", options={"models": ["m"]} | (options or {}).get(label, {}))
            for label in levels
        },
        made="2026-11-26T00:00:00+00:00",
    )  # fmt: skip


@pytest.fixture
def levels():
    rng = np.random.default_rng(0)
    return {f"l{k}": 0.01 * rng.standard_normal(5) for k in range(20)}


def test_equal_targets_are_rarely_told_apart(levels):
    (group,) = false_differences(study(levels))
    assert (len(group.targets), group.rounds, group.pairs) == (20, 100, 190)
    assert group.pairs_apart < 0.1 * 190
    assert group.called_slower == []
    assert 1.005 < group.farthest < 1.04


def test_a_label_that_is_slower_is_counted(levels):
    levels["l7"] = levels["l7"] + 0.1
    (group,) = false_differences(study(levels))
    assert [cell.backend for cell in group.called_slower] == ["l7"]
    assert group.pairs_apart >= 19


def test_labels_with_other_options_are_no_equals(levels):
    graph = {"l0": {"cuda_graph": True}, "l1": {"cuda_graph": True}, "l2": {"cuda_graph": True, "models": ["other"]}}
    assert [len(group.targets) for group in false_differences(study(levels, graph))] == [3, 17]


def test_the_verb_prints_each_group(levels, tmp_path):
    write_record(tmp_path / "collected.json", study(levels))
    done = CliRunner().invoke(cli, ["false-differences", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "20 equal targets" in done.stdout
    assert "called slower than the best: 0" in done.stdout


def test_a_study_without_equals_is_told(levels, tmp_path):
    write_record(tmp_path / "collected.json", study({"l0": levels["l0"]}))
    done = CliRunner().invoke(cli, ["false-differences", str(tmp_path)])
    assert done.exit_code == 1
    assert "no two timed targets that are equal" in done.output
