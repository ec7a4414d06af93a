"""What a run says of results that cannot be believed, before its jobs begin."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from bakeoff.config.load import parse_study
from bakeoff.core.machine import Machine
from bakeoff.snakemake.study_run import StudyRun
from bakeoff.study.plan import Plan


@pytest.mark.parametrize(
    ("targets", "words"), [([], "is made anew"), (["results/s/environment.json"], "has to be made anew")]
)
def test_only_a_run_that_is_asked_for_the_report_says_that_it_makes_it(targets, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    study = parse_study(
        {"study": "s", "models": {"net": {"source": "timm", "name": "resnet18"}}, "backends": {"eager": None}}
    )
    workflow = SimpleNamespace(
        executor_plugin="local", dryrun=False, is_main_process=True, dag_settings=SimpleNamespace(targets=targets)
    )
    Path("results/s").mkdir(parents=True)
    Path("results/s/collected.json").touch()
    run = StudyRun(Plan(study, Machine("a processor", frozenset(), 2, (), None, None)), workflow)
    assert list(run.doubts.by_record) == ["results/s/collected.json"]
    assert capsys.readouterr().err.splitlines() == [
        f"[bakeoff] results/s/collected.json {words}: nothing tells how it was made",
        f"[bakeoff] reports/s/plots {words}: plots is missing",
        f"[bakeoff] reports/s/index.html {words}: index.html is missing",
        f"[bakeoff] reports/s/report.md {words}: report.md is missing",
    ]
