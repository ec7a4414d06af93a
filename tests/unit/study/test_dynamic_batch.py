"""`dynamic_batch` of a backend: which engine serves a target, where it lies and what its jobs are told."""

import pytest

from bakeoff.config.load import parse_study
from bakeoff.core.cell import Cell
from bakeoff.core.errors import ConfigError
from bakeoff.core.machine import Machine
from bakeoff.study.job_parameters import JobParameters
from bakeoff.study.jobs import Job, StudyJobs
from bakeoff.study.plan import Export, Plan

MACHINE = Machine("a processor", frozenset(), 2, (), None, "/usr/bin/g++")


@pytest.fixture
def jobs():
    """The jobs of a study whose engines are dynamic but for one label's."""
    study = {
        "models": {"net": {"source": "timm", "name": "resnet18"}},
        "backends": {"onnxruntime": None, "fixed": {"kind": "onnxruntime", "dynamic_batch": False}},
        "batch": {"sizes": [1, 8]},
        "baseline": "onnxruntime",
    }
    return StudyJobs(Plan(parse_study(study), MACHINE))


@pytest.fixture
def told(jobs):
    """What a job is told: `told(stage, label, batch_size, round)`."""
    parameters = JobParameters(jobs)

    def of(stage, label, batch_size=None, round=None):
        return parameters.of(Job(stage, cell(label, batch_size, round)))

    return of


def cell(label, batch_size=None, round=None):
    return Cell("quickstart", "net", label, "fp32", batch_size, round)


def test_a_label_may_have_engines_of_fixed_size_in_a_dynamic_study(jobs):
    assert jobs.plan.engines == [cell("onnxruntime"), cell("fixed", 1), cell("fixed", 8)]
    assert jobs.plan.exports == [Export(cell(None, size), "onnx") for size in (None, 1, 8)]
    folders = [jobs.paths.cell(engine).partition("net/")[2] for engine in jobs.plan.engines]
    assert folders == ["onnxruntime/fp32", "fixed/fp32/b1", "fixed/fp32/b8"]


def test_each_job_uses_the_engine_of_its_label(jobs, told):
    for label, folder in (("onnxruntime", "onnxruntime/fp32"), ("fixed", "fixed/fp32/b8")):
        for stage, number in (("time", 1), ("profile", None)):
            assert jobs.inputs(Job(stage, cell(label, 8, number)))[0].endswith(f"net/{folder}/build.json")
            assert told(stage, label, 8, number)["engine"].endswith(f"net/{folder}")
    assert told("time", "onnxruntime", 8, 1)["batch"] == {"min": 1, "opt": 8, "max": 8}
    assert told("time", "fixed", 1, 1)["batch"] == {"min": 1, "opt": 1, "max": 1}


def test_builds_and_checks_know_their_batch_size(jobs, told):
    dynamic, fixed = Job("build", cell("onnxruntime")), Job("build", cell("fixed", 8))
    assert jobs.inputs(dynamic)[0].endswith("exports/onnx-fp32/export.json")
    assert jobs.inputs(fixed)[0].endswith("exports/onnx-fp32/b8/export.json")
    assert told("verify", "onnxruntime")["batch_sizes"] == [1, 8]
    assert told("verify", "fixed", 8)["batch_sizes"] == [8]
    exports = [JobParameters(jobs).of(Job("export", cell(None, size), "onnx")) for size in (8, None)]
    assert [export["batch_size"] for export in exports] == [8, None]


def test_the_option_itself_is_told_to_no_job(told):
    """What it means is in `batch` and in the folder: labels that mean the same have the same jobs."""
    backend = told("build", "fixed", 8)["backend"]
    assert backend == told("build", "onnxruntime")["backend"]
    assert "dynamic_batch" not in backend


def test_the_size_that_engines_are_tuned_for():
    config = {
        "models": {"net": {"source": "timm", "name": "resnet18"}},
        "backends": {"eager": None},
        "batch": {"sizes": [1, 2, 16]},
    }
    assert Plan(parse_study(config), MACHINE).batch_range(None).opt == 16
    config["batch"]["opt"] = 2
    told = Plan(parse_study(config), MACHINE).batch_range(None)
    assert (told.min, told.opt, told.max) == (1, 2, 16)
    config["batch"]["opt"] = 3
    with pytest.raises(ConfigError, match=r"opt: 3 is none of sizes \[1, 2, 16\]"):
        parse_study(config)
