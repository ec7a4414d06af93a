"""What a change of the calibration makes stale: quantized builds, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bakeoff.config.load import parse_study
from bakeoff.core.cell import Cell
from bakeoff.core.machine import Machine
from bakeoff.study.job_parameters import JobParameters
from bakeoff.study.jobs import Job, StudyJobs
from bakeoff.study.plan import Plan

MACHINE = Machine("a processor", frozenset({"avx512_vnni"}), 2, (), None, "/usr/bin/g++")


def study(**changes: Any) -> JobParameters:
    """The jobs of a study of one model on one backend in fp32 and int8."""
    given = {
        "models": {"net": {"source": "timm", "name": "resnet18"}},
        "backends": {"eager": None, "onnxruntime": None},
        **changes,
    }
    return JobParameters(StudyJobs(Plan(parse_study({"precisions": ["fp32", "int8"], **given}), MACHINE)))


def engine(precision: Any) -> Cell:
    """The engine of ONNX Runtime at a precision."""
    return Cell("quickstart", "net", "onnxruntime", precision)


def params(parameters: JobParameters) -> dict[str, Any]:
    """Every stage's parameters, by stage and precision."""
    found: dict[str, Any] = {}
    for precision in ("fp32", "int8"):
        target = engine(precision).at(batch_size=1)
        found |= {f"{stage} {precision}": parameters.of(Job(stage, engine(precision))) for stage in ("build", "verify")}
        found[f"time {precision}"] = parameters.of(Job("time", target.at(round=1)))
        found[f"profile {precision}"] = parameters.of(Job("profile", target))
    found["export"] = parameters.of(Job("export", engine("fp32").at(backend=None), "onnx"))
    found["environment"] = parameters.of(Job("environment", Cell("quickstart")))
    model = Cell("quickstart", "net")
    return found | {stage: parameters.of(Job(stage, model)) for stage in ("calibrate", "reference")}


def changed(before: JobParameters, after: JobParameters) -> set[str]:
    """Which parameters differ."""
    old, new = params(before), params(after)
    return {stage for stage in old if old[stage] != new[stage]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images."""
    for i in range(3):
        Image.new("RGB", (9, 9), (i, i, i)).save(tmp_path / f"{i}.png")
    return tmp_path


def test_only_quantized_builds_rest_on_the_calibration_set() -> None:
    parameters = study()
    fp32, int8 = (Job("build", engine(precision)) for precision in ("fp32", "int8"))
    export = "results/quickstart/net/exports/onnx-fp32/export.json"
    calibration = "results/quickstart/net/calibration"
    assert parameters.jobs.inputs(fp32) == [export]
    assert parameters.jobs.inputs(int8) == [export, f"{calibration}/calibration.json"]
    told = params(parameters)
    assert told["build fp32"]["calibration"] is None
    assert told["build int8"]["calibration"] == calibration
    assert "onnx" in told["build int8"]["versions"]
    assert "onnx" not in told["build fp32"]["versions"]
    assert "quantize code" in told["build int8"]["code"]
    assert "quantize code" not in told["build fp32"]["code"]


def test_calibration_settings_change_the_set_alone(folder: Path) -> None:
    assert changed(study(), study()) == set()
    for settings in ({"seed": 1}, {"n_inputs": 3}, {"images": str(folder)}, {"mean": [0.5], "std": [0.5]}):
        assert changed(study(), study(calibration=settings)) == {"calibrate"}


def test_a_changed_folder_changes_the_set_alone(folder: Path) -> None:
    with_images = {"calibration": {"images": str(folder)}}
    before = study(**with_images)
    params(before)
    (folder / "notes.txt").write_text("no image")
    assert changed(before, study(**with_images)) == set()
    (folder / "2.png").unlink()
    assert changed(before, study(**with_images)) == {"calibrate"}


@pytest.mark.parametrize("option", [{"calibration": "entropy"}, {"per_channel": False}, {"reduce_range": True}])
def test_quantization_options_leave_fp32_alone(option: dict[str, Any]) -> None:
    after = study(backends={"eager": None, "onnxruntime": option})
    assert changed(study(), after) == {f"{stage} int8" for stage in ("build", "verify", "time", "profile")}


def test_other_options_concern_both() -> None:
    after = study(backends={"eager": None, "onnxruntime": {"graph_optimization": "basic"}})
    assert {"build fp32", "build int8"} <= changed(study(), after)
