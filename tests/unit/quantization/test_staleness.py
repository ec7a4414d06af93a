"""What a change of the calibration makes stale: quantized builds, and nothing else."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from bakeoff.config.load import parse_study
from bakeoff.core.machine import Machine
from bakeoff.study.job_parameters import Staging
from bakeoff.study.plan import Plan

MACHINE = Machine("a processor", frozenset({"avx512_vnni"}), 2, (), None, "/usr/bin/g++")
SPEC = {"model": "net", "backend": "onnxruntime", "format": "onnx", "fixed": ""}


class Wildcards(SimpleNamespace):
    """Snakemake's wildcards, as far as staging uses them."""

    def __iter__(self) -> Any:
        return iter(vars(self).values())


def staging(**changes: Any) -> Staging:
    """A study of one model on one backend in fp32 and int8."""
    study = {"models": {"net": {"source": "timm"}}, "backends": {"eager": None, "onnxruntime": None}, **changes}
    return Staging(Plan(parse_study({"precisions": ["fp32", "int8"], **study}), MACHINE))


def params(staged: Staging) -> dict[str, Any]:
    """Every stage's parameters, by stage and precision."""
    found: dict[str, Any] = {}
    for precision in ("fp32", "int8"):
        engine = Wildcards(**SPEC, precision=precision)
        target = Wildcards(**SPEC, precision=precision, batch="1", round="1")
        found |= {f"{stage} {precision}": getattr(staged, stage)(engine) for stage in ("build", "verify")}
        found |= {f"{stage} {precision}": getattr(staged, stage)(target) for stage in ("time", "profile")}
    fp32 = Wildcards(**SPEC, precision="fp32")
    found |= {stage: getattr(staged, stage)(fp32) for stage in ("calibrate", "reference", "export", "environment")}
    return found


def changed(before: Staging, after: Staging) -> set[str]:
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
    staged = staging()
    fp32, int8 = (Wildcards(**SPEC, precision=p) for p in ("fp32", "int8"))
    export = "results/quickstart/net/exports/onnx-fp32/export.json"
    calibration = "results/quickstart/net/calibration"
    assert staged.build_input(fp32) == [export]
    assert staged.build_input(int8) == [export, f"{calibration}/calibration.json"]
    assert staged.build(fp32)["calibration"] is None
    assert staged.build(int8)["calibration"] == calibration
    assert "onnx" in staged.build(int8)["versions"]
    assert "onnx" not in staged.build(fp32)["versions"]
    assert "quantize code" in staged.build(int8)["code"]
    assert "quantize code" not in staged.build(fp32)["code"]


def test_calibration_settings_change_the_set_alone(folder: Path) -> None:
    assert changed(staging(), staging()) == set()
    for settings in ({"seed": 1}, {"n_inputs": 3}, {"images": str(folder)}, {"mean": [0.5], "std": [0.5]}):
        assert changed(staging(), staging(calibration=settings)) == {"calibrate"}


def test_a_changed_folder_changes_the_set_alone(folder: Path) -> None:
    with_images = {"calibration": {"images": str(folder)}}
    before = staging(**with_images)
    params(before)
    (folder / "notes.txt").write_text("no image")
    assert changed(before, staging(**with_images)) == set()
    (folder / "2.png").unlink()
    assert changed(before, staging(**with_images)) == {"calibrate"}


@pytest.mark.parametrize("option", [{"calibration": "entropy"}, {"per_channel": False}, {"reduce_range": True}])
def test_quantization_options_leave_fp32_alone(option: dict[str, Any]) -> None:
    after = staging(backends={"eager": None, "onnxruntime": option})
    assert changed(staging(), after) == {f"{stage} int8" for stage in ("build", "verify", "time", "profile")}


def test_other_options_concern_both() -> None:
    after = staging(backends={"eager": None, "onnxruntime": {"graph_optimization": "basic"}})
    assert {"build fp32", "build int8"} <= changed(staging(), after)
