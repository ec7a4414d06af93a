"""Further rounds go to targets whose rounds disagree, within the same call, and to no others."""

from __future__ import annotations

import json

import pytest

from tests.workflow.conftest import QUICK, ROOT, own_model

NULL = ROOT / "tests" / "scale" / "backends" / "null.py"
KNOWN_TIME = "return NullSession(self.options.duration_ms * batch_size)"
HALF_AS_LONG_AGAIN_EVERY_SECOND_TIME = """loads = len(list(folder.glob("load-*")))
        (folder / f"load-{loads}").touch()
        return NullSession(self.options.duration_ms * 1.5 ** (loads % 2))"""


@pytest.fixture(scope="module")
def workspace(make_workspace, tmp_path_factory):
    """A backend that takes 50 ms each time, and one whose every second process takes half as long again."""
    backends = tmp_path_factory.mktemp("backends")
    steady = NULL.read_text()
    assert KNOWN_TIME in steady
    (backends / "null.py").write_text(steady)
    unsteady = steady.replace('"null"', '"unsteady"').replace(KNOWN_TIME, HALF_AS_LONG_AGAIN_EVERY_SECOND_TIME)
    (backends / "unsteady.py").write_text(unsteady)
    workspace = make_workspace(
        {
            "study": "contest",
            "device": "cpu",
            "models": {"pair": own_model("pair", inputs={"x": {"shape": [12]}})},
            "backends": {"null": {"duration_ms": 50}, "unsteady": {"duration_ms": 2}},
            "baseline": "null",
            "accuracy": {"tolerance": {"fp32": {"relative_l2": 1e9, "max_abs": 1e9, "cosine": -1.0}}},
            "profile": {"enabled": False},
            "timing": QUICK["timing"] | {"rounds_max": 2},
        }
    )
    workspace.variables["BAKEOFF_BACKENDS"] = str(backends)
    return workspace


@pytest.fixture(scope="module")
def first(workspace):
    """The first run."""
    return workspace.run()


def rounds(workspace, label):
    return sorted(path.parent.name for path in workspace.result(f"pair/{label}/fp32/b1").glob("round*/timing.json"))


def test_a_target_whose_rounds_disagree_gets_more_of_them_in_the_same_run(workspace, first):
    assert rounds(workspace, "null") == ["round1", "round2"]
    assert rounds(workspace, "unsteady") == ["round1", "round2", "round3", "round4"]
    decided = [json.loads(workspace.result(f".contest/round{k}.json").read_text()) for k in (3, 4)]
    assert [[cell["backend"] for cell in record["targets"]] for record in decided] == [["unsteady"]] * 2
    collected = json.loads(workspace.result("collected.json").read_text())
    counts = {target["row"]["backend"]: len(target["rounds"]) for target in collected["targets"]}
    assert counts == {"null": 2, "unsteady": 4}
    timed = [record for target in collected["targets"] for record in target["rounds"]]
    assert len({record["session"] for record in timed}) == 1
    assert {record["order"] for record in timed if record["target"]["round"] == 1} == {1, 2}


def test_then_nothing_is_left_to_do(workspace, first):
    assert "Nothing to be done" in workspace.run().output


def test_a_further_round_that_was_deleted_is_measured_again(workspace, first):
    workspace.result("pair/unsteady/fp32/b1/round4/timing.json").unlink()
    again = workspace.run("report", "-n")
    assert "round4/timing.json is made anew: timing.json is missing" in again.output
    assert again.jobs()["time"] == 1
