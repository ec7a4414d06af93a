"""One tiny study from config to report, and what a change of it reruns.

Three backends are made in one process before; the run that is looked at adds two, which need no PyTorch. Its jobs run
as a user's do, in processes of their own, and most of the imports are spared.

The tests share one workspace and build on each other in the order of this file, as a user's edits would.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import jsonschema
import pytest

from bakeoff.artifacts.collected import Row
from tests.workflow.conftest import ROOT, own_model

IMAGE = {"image": {"shape": [3, 16, 16]}}
BACKENDS = {
    "eager": None,
    "torchscript": None,
    "onnxruntime": None,
    "openvino": None,
    "tensorrt": None,
}
BEFORE = ("eager", "torchscript", "onnxruntime")
"""Those that are there before the first run."""
TIMED = BACKENDS.keys() - {"tensorrt"}
SCHEMAS = {
    "environment.json": "environment",
    "reference.json": "reference",
    "export.json": "export",
    "build.json": "build",
    "accuracy.json": "accuracy",
    "timing.json": "timing",
    "profile.json": "profile",
    "collected.json": "collected",
}


@pytest.fixture(scope="module")
def workspace(make_workspace):
    """A workspace with a study of one model on every backend at two batch sizes."""
    return make_workspace(
        {
            "study": "tiny",
            "device": "cpu",
            "models": {"net": own_model("convnet", inputs=IMAGE)},
            "backends": dict(BACKENDS),
            "batch": {"sizes": [1, 2]},
            "report": {"speedup_against": ["torchscript"]},
        }
    )


@pytest.fixture(scope="module")
def first(workspace):
    """The first run with all backends."""
    study = workspace.study
    workspace.study = {
        **study,
        "backends": {label: BACKENDS[label] for label in BEFORE},
    }
    workspace.work_in_one_process()
    workspace.study = study
    return workspace.run()


@pytest.fixture(scope="module")
def rows(workspace, first):
    """The rows of results.csv by (backend, batch size)."""
    assert first.status == 0, first.output
    with open(workspace.report("results.csv"), newline="") as file:
        return {(row["backend"], int(row["batch_size"])): row for row in csv.DictReader(file)}


def test_what_is_there_is_not_made_again(first):
    jobs = first.jobs()
    assert (jobs["build"], jobs["verify"], jobs["profile"], jobs["time"]) == (2, 1, 2, 2 * 2)
    assert not jobs.keys() & {"reference", "export"}


def test_the_first_run_makes_the_report(workspace, first):
    assert first.status == 0, first.output
    assert workspace.report("index.html").exists()
    assert workspace.report("report.md").exists()
    assert (workspace.folder / "reports" / "index.html").exists()
    vector = {plot.stem for plot in workspace.report("plots").glob("*.svg")}
    pixels = {plot.stem for plot in workspace.report("plots").glob("*.png")}
    assert {"latency-net-b1", "throughput-net-b2", "layers-net", "speedup-net", "build-net"} <= vector == pixels
    assert "The report: " in first.output
    # settings as quick as these may leave a machine too unsteady to name a best
    assert re.search(r"net at batch 2 ships best on|too \w+ to name a best for net at batch 2", first.output)


def test_long_steps_say_what_runs_and_what_is_left(first):
    lines = [line for line in first.output.splitlines() if line.startswith("[bakeoff ")]
    timing = [line for line in lines if "timing net · openvino fp32 · batch 2 · round 1" in line]
    assert len(timing) == 1
    assert "to go)" in timing[0]
    doing = [line.partition("]")[2].partition("(")[0] for line in lines]
    assert len(set(doing)) == len(doing)


def test_rounds_are_interleaved_over_targets(first):
    lines = [line for line in first.output.splitlines() if " timing net" in line]
    rounds = [int(line.partition("round ")[2][0]) for line in lines]
    assert rounds == sorted(rounds)
    assert set(rounds) == {1, 2}


def test_every_target_has_its_row(rows):
    assert set(rows) == {(label, batch) for label in BACKENDS for batch in (1, 2)}
    assert list(next(iter(rows.values())))[: len(Row.model_fields)] == list(Row.model_fields)
    for (label, _), row in rows.items():
        if label == "tensorrt":
            assert row["status"] == "unsupported"
            assert row["reason"] == "needs an NVIDIA GPU"
            assert float(row["build_s"]) > 0
            assert int(row["engine_bytes"]) > 0
        else:
            assert row["status"] == "ok", row
            assert row["accuracy_passed"] == "true"
            assert float(row["latency_ci_low_ms"]) <= float(row["latency_ms"]) <= float(row["latency_ci_high_ms"])
            assert float(row["items_per_s"]) > 0
            assert row["speedup_vs_torchscript_fp32"]
    assert rows["eager", 1]["speedup"] == "1.0"


def test_every_artifact_is_valid_against_its_schema(workspace, first):
    found = 0
    for path in workspace.result("").rglob("*.json"):
        if path.name in SCHEMAS and not {".progress", ".ledger"} & set(path.parts):
            schema = json.loads((ROOT / "workflow" / "schemas" / f"{SCHEMAS[path.name]}.schema.json").read_text())
            jsonschema.validate(json.loads(path.read_text()), schema)
            found += 1
    assert found > 35


def test_traces_are_chrome_trace_events(workspace, first):
    trace = json.loads(workspace.result("net/openvino/fp32/b2/trace.json").read_text())
    events = trace["traceEvents"] if isinstance(trace, dict) else trace
    assert any(event.get("ph") == "X" and event["dur"] >= 0 for event in events)


def test_the_reference_cannot_be_vacuous(workspace, first):
    reference = json.loads(workspace.result("net/reference/reference.json").read_text())
    assert all(output["std"] > 1e-3 for output in reference["outputs"])
    accuracy = json.loads(workspace.result("net/onnxruntime/fp32/accuracy.json").read_text())
    assert accuracy["reference_std"] > 1e-3


def test_the_tensorrt_engine_was_inspected(workspace, first):
    pytest.importorskip("tensorrt_rtx")
    info = workspace.result("net/tensorrt/fp32/engine_info.json")
    assert json.loads(info.read_text())


def test_every_job_left_a_log(workspace, first):
    logs = workspace.result(".logs")
    assert (logs / "net/openvino/fp32/b1/round2.log").exists()
    assert (logs / "net/openvino/fp32/build.log").exists()


def test_nothing_is_left_to_do_and_no_torch_is_imported(workspace, first, tmp_path, monkeypatch):
    # a torch that cannot be imported stands in front of the real one
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('planning imported torch')")
    for heavy in ("pandas", "matplotlib", "torchvision", "timm", "onnxruntime", "openvino"):
        (tmp_path / f"{heavy}.py").write_text(f"raise ImportError('planning imported {heavy}')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    again = workspace.run()
    assert again.status == 0, again.output
    assert "Nothing to be done" in again.output
    assert "planning imported" not in again.output


def test_changed_timing_reruns_timing_alone(workspace, first):
    workspace.study["timing"] = {**workspace.study["timing"], "max_s": 0.25}
    jobs = workspace.run("report", "-n").jobs()
    assert jobs.pop("time") == len(TIMED) * 2 * 2
    assert set(jobs) == {"collect", "plots", "html", "markdown", "index", "verdict", "report"}
    workspace.study["timing"] = {**workspace.study["timing"], "max_s": 0.2}


def test_a_changed_tolerance_rejudges_alone(workspace, first):
    workspace.study["accuracy"] = {"n_inputs": 8, "tolerance": {"fp32": {"relative_l2": 0.5}}}
    jobs = workspace.run("report", "-n").jobs()
    assert jobs.pop("verify") == len(TIMED)
    assert set(jobs) == {"collect", "plots", "html", "markdown", "index", "verdict", "report"}
    workspace.study["accuracy"] = {"n_inputs": 8}


def test_a_changed_title_rewrites_the_report_alone(workspace, first):
    workspace.study["report"] = {**workspace.study["report"], "title": "Another title"}
    jobs = workspace.run("report", "-n").jobs()
    assert set(jobs) == {"collect", "plots", "html", "markdown", "index", "verdict", "report"}
    del workspace.study["report"]["title"]


def test_changed_options_rebuild_that_backend_alone(workspace, first):
    workspace.study["backends"] = {**BACKENDS, "onnxruntime": {"graph_optimization": "disabled"}}
    run = workspace.run("report", "-n")
    jobs = run.jobs()
    assert jobs["build"] == 1
    assert jobs["verify"] == 1
    assert jobs["time"] == 1 * 2 * 2
    assert "export" not in jobs
    assert "Params have changed" in run.output
    workspace.study["backends"] = dict(BACKENDS)


def test_a_new_model_adds_its_own_jobs_alone(workspace, first):
    workspace.study["models"]["pair"] = own_model("pair", inputs=IMAGE)
    jobs = workspace.run("report", "-n").jobs()
    assert jobs["reference"] == 1
    assert jobs["build"] == len(BACKENDS)
    assert jobs["time"] == len(TIMED) * 2 * 2
    del workspace.study["models"]["pair"]


def test_snakemakes_own_report_shows_plots_with_captions_and_categories(workspace, first):
    done = workspace.run("report", "--report", "snakemake-report.html")
    assert done.status == 0, done.output
    text = (workspace.folder / "snakemake-report.html").read_text()
    assert "Plots" in text
    assert "latency" in text


def test_a_config_mistake_ends_at_once_and_writes_nothing(make_workspace):
    workspace = make_workspace(
        {"study": "bad", "models": {"m": {"source": "timm", "name": "resnet18"}}, "backends": {"tensort": None}}
    )
    run = workspace.run()
    assert run.status != 0
    assert "backends.tensort: unknown kind 'tensort'; did you mean 'tensorrt'?" in run.output
    assert "Traceback" not in run.output
    assert not list(Path(workspace.folder).glob("re*"))


def test_another_config_replaces_the_default_study(make_workspace):
    """The default study's models are not merged into the one that is named."""
    workspace = make_workspace(
        {"study": "alone", "models": {"net": own_model("convnet", inputs=IMAGE)}, "backends": {"eager": None}}
    )
    (workspace.folder / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    run = workspace.run("report", "-n")
    assert run.status == 0, run.output
    assert run.jobs()["reference"] == 1
    assert "resnet18" not in run.output


def test_a_call_without_a_target_makes_the_report(make_workspace):
    workspace = make_workspace(
        {"study": "none", "models": {"net": own_model("convnet", inputs=IMAGE)}, "backends": {"eager": None}}
    )
    named = workspace.run("report", "-n").jobs()
    assert named["report"] == 1
    assert workspace.run("-n").jobs() == named
