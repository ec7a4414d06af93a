"""A bad config as a user meets it, on the command line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.workflow.conftest import ROOT, Run, own_model

GOOD = {"source": "timm", "name": "resnet18"}
IMAGE = {"image": {"shape": [3, 16, 16]}}

BAD = {
    "a key": ({"modles": {"net": GOOD}}, ["modles: unknown key; did you mean 'models'?"]),
    "a label": ({"models": {"../../net": GOOD}}, ["'../../net' becomes a folder name"]),
    "a value": ({"timing": {"rounds": -3}}, ["timing.rounds", "-3"]),
    "a model's name": (
        {"models": {"net": {**GOOD, "name": "resnet81"}}},
        ["models.net.name: timm knows no model 'resnet81'; did you mean 'resnet18'?"],
    ),
    "a checkpoint": (
        {"models": {"net": {**GOOD, "weights": "no.pt"}}},
        ["models.net.weights: there is no file 'no.pt'"],
    ),
    "a factory": ({"models": {"net": own_model("convent", inputs=IMAGE)}}, ["models.net.factory", "'convnet'"]),
    "a model's syntax": (
        {"models": {"net": {"source": "file", "factory": "broken.py:make", "inputs": IMAGE}}},
        ["broken.py, line 1", "syntax"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_one_message_and_nothing_written(make_workspace, case):
    changes, words = BAD[case]
    workspace = make_workspace({"study": "bad", "models": {"net": GOOD}, "backends": {"eager": None}, **changes})
    (workspace.folder / "broken.py").write_text("def make(:\n")
    run = workspace.run()
    assert run.status == 1
    for word in words:
        assert word in run.output
    assert "Traceback" not in run.output
    assert "study.yaml is not a valid study" in run.output
    assert {path.name for path in workspace.folder.iterdir()} == {"study.yaml", "broken.py", ".snakemake"}


@pytest.mark.long
def test_a_file_in_the_place_of_a_folder_ends_in_one_message(make_workspace):
    workspace = make_workspace({"study": "bad", "models": {"net": GOOD}, "backends": {"eager": None}})
    (workspace.folder / "results").touch()
    run = workspace.run()
    assert run.status == 1
    assert "results is no folder, and one is needed there; move it away and run again" in run.output
    assert "Traceback" not in run.output


def check(*arguments: str, cwd) -> Run:
    """What `make report` asks first."""
    done = subprocess.run(
        [sys.executable, "-m", "bakeoff", "check", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return Run(done.returncode, done.stdout)


BOMB = "a: &a {x: 1}\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} {{{', '.join(f'k{j}: *{chr(97 + i)}' for j in range(10))}}}\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such config file"),
        (b"\xff\xfe\x00\x01", "cannot be read as UTF-8"),
        (b"models: &m {m: *m}\n", "anchors"),
        (BOMB.encode(), "anchors"),
        (b"", "a study is a mapping"),
    ],
)
def test_what_snakemake_would_meet_with_a_traceback(tmp_path, content, words):
    if content is not None:
        (tmp_path / "study.yaml").write_bytes(content)
    run = check("study.yaml", cwd=tmp_path)
    assert run.status == 1
    assert run.output.startswith("study.yaml")
    assert words in run.output
    assert "Traceback" not in run.output


def test_a_good_config_is_met_with_silence(root):
    assert check("config.yaml", cwd=root) == Run(0, "")


def test_make_report_asks_first(root):
    recipe = (root / "Makefile").read_text().partition("\nreport:")[2].partition("\n\n")[0]
    assert recipe.index("python -m bakeoff check $(STUDY)") < recipe.index("snakemake ")
