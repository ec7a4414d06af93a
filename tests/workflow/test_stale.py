"""What makes a result stale, line by line: each change reruns what depends on it and nothing else, and says why.

test_study.py has those that a user edits most: timing, tolerance, title, a backend's options, a new model.
"""

from __future__ import annotations

import csv
import json
import os
import shutil

import pytest

from bakeoff.config.load import parse_study
from bakeoff.core.cell import Cell
from bakeoff.core.machine import Gpu, Machine
from bakeoff.study.job_parameters import JobParameters
from bakeoff.study.jobs import Job, StudyJobs, export_job
from bakeoff.study.plan import Plan
from tests.workflow.conftest import Workspace, copy_checkout

pytestmark = pytest.mark.long

REPORT = {"plots": 1, "html": 1, "markdown": 1, "index": 1, "verdict": 1, "report": 1}
COLLECT = {"collect": 1, **REPORT}
OF_A_MODEL = {"reference": 1, "export": 2, "build": 2, "verify": 2, "time": 2}
MEASURED = {"environment": 1, "reference": 2, "export": 4, "build": 4, "verify": 4, "time": 4}


@pytest.fixture
def workspace(finished, tmp_path):
    """A study that has nothing left to do."""
    return finished.copy(tmp_path / "study")


def jobs_of(run) -> dict[str, int]:
    assert run.status == 0, run.output
    return run.jobs()


def edited(workspace: Workspace, folder, file: str) -> Workspace:
    """The workspace with a checkout in which a line of a library file differs."""
    checkout = copy_checkout(folder / "checkout", workspace.checkout)
    path = checkout / "src" / "bakeoff" / file
    path.write_text(path.read_text() + ("\n# a change\n" if file.endswith(".py") else "\n{# a change #}\n"))
    return Workspace(workspace.folder, workspace.study, checkout)


def test_nothing_changed_nothing_to_do(workspace):
    assert "Nothing to be done" in workspace.run("report", "-n").output


def test_a_models_arguments(workspace):
    workspace.study["models"]["net"]["args"]["width"] = 8
    run = workspace.run("report", "-n")
    assert jobs_of(run) == {**OF_A_MODEL, **COLLECT}
    assert "'width': 8" in run.output
    assert "pair" not in run.output.partition("Job stats")[2].partition("Job stats")[0]


def test_a_weights_file(workspace):
    weights = workspace.folder / "weights.pt"
    changed = bytearray(weights.read_bytes())
    changed[len(changed) // 2] ^= 1
    weights.write_bytes(changed)
    run = workspace.run("report", "-n")
    assert jobs_of(run) == {**OF_A_MODEL, **COLLECT}
    assert "Updated input files: weights.pt" in run.output


def test_a_template(workspace, tmp_path):
    run = edited(workspace, tmp_path, "report/templates/report.html.j2").run("report", "-n")
    assert jobs_of(run) == {"html": 1, "markdown": 1, "index": 1, "verdict": 1, "report": 1}
    assert "Params have changed" in run.output


@pytest.mark.parametrize(
    ("file", "code", "jobs"),
    [
        ("accuracy/judge.py", "verify code", {"verify": 4, **COLLECT}),
        ("measure/stopping.py", "time code", {"time": 4, **COLLECT}),
        ("backends/onnxruntime/backend.py", "build code", {"build": 2, "verify": 2, "time": 2, **COLLECT}),
        ("exports/onnx.py", "export code", {"export": 4, "build": 4, "verify": 4, "time": 4, **COLLECT}),
        ("collect/intervals.py", "", COLLECT),
        ("accuracy/doubts.py", "", COLLECT),
    ],
)
def test_library_code_of_one_stage(workspace, tmp_path, file, code, jobs):
    run = edited(workspace, tmp_path, file).run("report", "-n")
    assert jobs_of(run) == jobs
    assert "Params have changed" in run.output
    assert code in run.output


def test_a_threshold_of_a_warning_shows_without_measuring(workspace, tmp_path):
    """The whole run: records stay as they are, and results.csv has the new code in every row."""
    timings = {path: path.read_bytes() for path in workspace.result(".").glob("*/*/*/b*/round*/timing.json")}
    assert timings
    for content in timings.values():
        record = json.loads(content)
        assert record["warnings"] is None
        assert record["modes"]["low_ms"] <= record["modes"]["high_ms"]
    changed = Workspace(workspace.folder, workspace.study, copy_checkout(tmp_path / "checkout", workspace.checkout))
    path = changed.checkout / "src/bakeoff/collect/warnings/thresholds.py"
    path.write_text(path.read_text() + "\nFEW_SAMPLES = 10**9\n")
    assert jobs_of(changed.run()) == COLLECT
    rows = list(csv.DictReader(workspace.report("results.csv").read_text().splitlines()))
    assert rows
    assert all("few-samples" in row["warnings"].split(";") for row in rows)
    rounds = [r for t in json.loads(workspace.result("collected.json").read_text())["targets"] for r in t["rounds"]]
    assert all("few-samples" in record["warnings"] for record in rounds)
    assert {path: path.read_bytes() for path in timings} == timings


def test_the_version_of_one_distribution(workspace, tmp_path):
    # found before the one that is installed
    (tmp_path / "onnxruntime-99.0.dist-info").mkdir()
    (tmp_path / "onnxruntime-99.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: onnxruntime\nVersion: 99.0\n"
    )
    run = workspace.run("report", "-n", PYTHONPATH=str(tmp_path))
    assert jobs_of(run) == {"environment": 1, "build": 2, "verify": 2, "time": 2, **COLLECT}
    assert "'onnxruntime': '99.0'" in run.output


def test_a_variable_that_one_backends_library_obeys(workspace):
    run = workspace.run("report", "-n", OMP_WAIT_POLICY="passive")
    assert jobs_of(run) == {"environment": 1, "build": 2, "verify": 2, "time": 2, **COLLECT}
    assert "{'OMP_WAIT_POLICY': 'passive'}" in run.output


def on_another_cpu(workspace: Workspace, *arguments: str):
    """Run where this process may use one core alone: to Bakeoff, another processor."""
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        pytest.skip("needs two cores, to leave one out")
    os.sched_setaffinity(0, {min(cores)})
    try:
        return workspace.run(*arguments)
    finally:
        os.sched_setaffinity(0, cores)


def test_another_cpu(workspace):
    run = on_another_cpu(workspace, "report", "-n")
    assert jobs_of(run) == {**MEASURED, **COLLECT}
    assert "1 cores" in run.output


def test_another_gpu():
    """By the parameters that Snakemake tracks: `made_on` alone differs, and only for what ran on the GPU."""
    config = {
        "study": "gpus",
        "device": "cuda",
        "models": {"net": {"source": "torchvision", "name": "resnet18"}},
        "backends": {"onnxruntime": None},
        "baseline": "onnxruntime",
    }
    target = Cell("gpus", "net", "onnxruntime", "fp32", 1)

    def params(gpu: str, driver: str = "600.1") -> dict[str, dict]:
        gpus = (Gpu(0, gpu, 1 << 34, (9, 0), "GPU-1"),)
        machine = Machine("a processor", frozenset(), 2, gpus, driver, None)
        jobs = StudyJobs(Plan(parse_study(config, "x"), machine))
        engine = jobs.plan.engine_of(target)
        export = jobs.plan.export_of(engine)
        assert export
        todo = [
            Job("environment", Cell("gpus")), Job("reference", Cell("gpus", "net")), export_job(export),
            Job("build", engine), Job("verify", engine), Job("profile", target), Job("time", target.at(round=1)),
        ]  # fmt: skip
        return {job.stage: JobParameters(jobs).of(job) for job in todo}

    h200 = params("NVIDIA H200")
    for other in (params("NVIDIA L4"), params("NVIDIA H200", "700.1")):
        changed = {stage: {name for name in told if told[name] != other[stage][name]} for stage, told in h200.items()}
        assert changed.pop("export") == set()
        assert changed.pop("environment") >= {"made_on"}
        assert set(map(frozenset, changed.values())) == {frozenset({"made_on"})}


def test_results_from_another_machine(workspace):
    """`results/` alone was copied: Snakemake knows nothing of how they were made."""
    shutil.rmtree(workspace.folder / ".snakemake")
    run = on_another_cpu(workspace, "report", "-n")
    assert jobs_of(run) == {"plan": 1, **MEASURED, **COLLECT}
    said = [line for line in run.output.splitlines() if line.startswith("[bakeoff]")]
    assert sum("made elsewhere, on another device" in line for line in said) == 1 + 2 + 4 + 4 + 4
    assert not [line for line in said if "export.json" in line]


def test_results_of_this_machine_from_another_folder(workspace):
    shutil.rmtree(workspace.folder / ".snakemake")
    first = workspace.run("report", "-n")
    assert jobs_of(first) == {"plan": 1, **COLLECT}
    assert "collected.json is made anew: it was made elsewhere" in first.output
    # a change is seen although Snakemake keeps no parameters of these files
    workspace.study["timing"]["max_s"] = 0.2
    second = workspace.run("report", "-n")
    assert jobs_of(second) == {"plan": 1, "time": 4, **COLLECT}
    assert "made elsewhere, with another timing" in second.output


def test_results_of_another_machine_over_those_of_this_one(workspace, finished, tmp_path):
    """What Snakemake keeps is of the results that were here before, and says nothing of those that are."""
    elsewhere = finished.copy(tmp_path / "elsewhere")
    shutil.rmtree(elsewhere.folder / ".snakemake")
    elsewhere.study["models"].pop("pair")
    elsewhere.study["timing"]["max_s"] = 0.3
    made = elsewhere.run("results/finished/net/torchscript/fp32/b1/round1/timing.json")
    assert made.status == 0, made.output
    shutil.rmtree(workspace.folder / "results")
    shutil.copytree(elsewhere.folder / "results", workspace.folder / "results")
    run = workspace.run("report", "-n")
    assert "round1/timing.json is made anew: it was made elsewhere, with another timing" in run.output
    assert jobs_of(run) == {"time": 1, **COLLECT}
