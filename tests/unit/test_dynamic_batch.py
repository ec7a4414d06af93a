"""`dynamic_batch` of a backend: which engine serves a target, where it lies and what its jobs are told."""

from types import SimpleNamespace

import pytest

from bakeoff.config.load import parse_study
from bakeoff.core.machine import Machine
from bakeoff.study.job_parameters import Staging
from bakeoff.study.plan import Engine, Export, Plan

MACHINE = Machine("a processor", frozenset(), 2, (), None, "/usr/bin/g++")


@pytest.fixture
def staging():
    """A study whose engines are dynamic but for one label's."""
    return Staging(
        Plan(
            parse_study(
                {
                    "models": {"net": {"source": "timm"}},
                    "backends": {"onnxruntime": None, "fixed": {"kind": "onnxruntime", "dynamic_batch": False}},
                    "batch": {"sizes": [1, 8]},
                    "baseline": "onnxruntime",
                }
            ),
            MACHINE,
        )
    )


def wildcards(label, **more):
    return SimpleNamespace(model="net", backend=label, precision="fp32", **more)


def test_a_label_may_have_engines_of_fixed_size_in_a_dynamic_study(staging):
    assert staging.plan.engines == [
        Engine("net", "onnxruntime", "fp32", None),
        Engine("net", "fixed", "fp32", 1),
        Engine("net", "fixed", "fp32", 8),
    ]
    assert staging.plan.exports == [
        Export("net", "onnx", "fp32", None),
        Export("net", "onnx", "fp32", 1),
        Export("net", "onnx", "fp32", 8),
    ]
    folders = [staging.engine_folder(engine).partition("net/")[2] for engine in staging.plan.engines]
    assert folders == ["onnxruntime/fp32", "fixed/fp32/b1", "fixed/fp32/b8"]


def test_each_job_uses_the_engine_of_its_label(staging):
    for label, folder in (("onnxruntime", "onnxruntime/fp32"), ("fixed", "fixed/fp32/b8")):
        of = wildcards(label, batch="8", round="1")
        assert staging.engine_input(of).endswith(f"net/{folder}/build.json")
        assert staging.time(of)["engine"].endswith(f"net/{folder}")
        assert staging.profile(of)["engine"].endswith(f"net/{folder}")
    assert staging.time(wildcards("onnxruntime", batch="8", round="1"))["batch"] == {"min": 1, "opt": 8, "max": 8}
    assert staging.time(wildcards("fixed", batch="1", round="1"))["batch"] == {"min": 1, "opt": 1, "max": 1}


def test_builds_and_checks_know_their_batch_size(staging):
    dynamic, fixed = wildcards("onnxruntime", fixed=""), wildcards("fixed", fixed="/b8")
    assert staging.build_input(dynamic)[0].endswith("exports/onnx-fp32/export.json")
    assert staging.build_input(fixed)[0].endswith("exports/onnx-fp32/b8/export.json")
    assert staging.verify(dynamic)["batch_sizes"] == [1, 8]
    assert staging.verify(fixed)["batch_sizes"] == [8]
    assert staging.export(wildcards("", format="onnx", fixed="/b8"))["batch_size"] == 8
    assert staging.export(wildcards("", format="onnx", fixed=""))["batch_size"] is None


def test_the_option_itself_is_told_to_no_job(staging):
    """What it means is in `batch` and in the folder: labels that mean the same have the same jobs."""
    told = staging.build(wildcards("fixed", fixed="/b8"))["backend"]
    assert told == staging.build(wildcards("onnxruntime", fixed=""))["backend"]
    assert "dynamic_batch" not in told
