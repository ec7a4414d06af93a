"""One target's failure is its own; the next run of the same command retries exactly what failed."""

from __future__ import annotations

import textwrap

import pytest

from bakeoff.artifacts.collected import Collected
from bakeoff.artifacts.io import read_record
from tests.workflow.conftest import QUICK, ROOT, own_model

IMAGE = {"image": {"shape": [3, 16, 16]}}

CAREFREE = """
    import os, signal, time
    from torch import nn

    def make(how: str) -> nn.Module:
        if not os.path.exists("mended"):
            if how == "raises":
                raise RuntimeError("the weights are on another disk")
            if how == "crashes":
                os.kill(os.getpid(), signal.SIGSEGV)
            if how == "hangs":
                time.sleep(600)
        return nn.Identity()
"""


@pytest.fixture(scope="module")
def workspace(make_workspace):
    """A study of one good model and three that fail, each in its own way.

    Its backend is the one of tests/scale, which computes nothing: models fail before a backend has to do with them, and
    so no job but the references imports torch.
    """
    ways = ("raises", "crashes", "hangs")
    workspace = make_workspace(
        {
            "study": "failing",
            "device": "cpu",
            "models": {
                how: {
                    "source": "file",
                    "factory": "made.py:make",
                    "args": {"how": how},
                    "weights": "factory",
                    "inputs": IMAGE,
                }
                for how in ("good", *ways)
            },
            "backends": {"null": None},
            "baseline": "null",
            "profile": {"enabled": False},
            "timing": QUICK["timing"] | {"rounds": 1},
            "limits": {"export_s": 20},
        }
    )
    workspace.variables["BAKEOFF_BACKENDS"] = str(ROOT / "tests" / "scale" / "backends")
    (workspace.folder / "made.py").write_text(textwrap.dedent(CAREFREE))
    return workspace


@pytest.fixture(scope="module")
def first(workspace):
    """The first run, in which three models fail."""
    return workspace.run()


def test_the_others_go_on_and_the_status_tells(workspace, first):
    assert first.status != 0
    collected = read_record(workspace.result("collected.json"), Collected)
    status = {target.row.model: target.row.status for target in collected.targets}
    assert status["good"] == "ok"
    assert all(status[how] in ("failed", "blocked") for how in ("raises", "crashes", "hangs"))
    reasons = {target.row.model: target.row.reason for target in collected.targets}
    assert "another disk" in reasons["raises"]
    assert "SIGSEGV" in reasons["crashes"]
    assert "limit of 20 s" in reasons["hangs"]
    assert workspace.report("index.html").exists()


def test_each_failure_is_named_with_its_log(workspace, first):
    for how in ("raises", "crashes", "hangs"):
        assert f"{how} · null fp32 · batch 1" in first.output
        log = workspace.result(f".logs/{how}/reference.log")
        assert log.exists()
        assert str(log.relative_to(workspace.folder)) in first.output


def test_the_next_run_retries_exactly_what_failed(workspace, first):
    (workspace.folder / "mended").touch()
    again = workspace.run()
    assert again.status == 0, again.output
    jobs = again.jobs()
    assert jobs["reference"] == 3
    assert jobs["build"] == 3
    assert " good" not in "".join(line for line in again.output.splitlines() if line.startswith("[bakeoff"))
    third = workspace.run()
    assert third.status == 0
    assert "Nothing to be done" in third.output


def test_a_study_in_which_nothing_succeeds_is_an_error(make_workspace):
    workspace = make_workspace(
        {
            "study": "nothing",
            "device": "cpu",
            "models": {"net": own_model("convnet", inputs=IMAGE)},
            "backends": {"eager": None},
            "precisions": ["tf32"],
            "baseline": "eager/tf32",
        }
    )
    workspace.cores = 1
    run = workspace.run()
    assert run.status != 0
    assert "Not one target of this study was timed" in run.output
    assert workspace.report("index.html").exists()
