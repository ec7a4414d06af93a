"""TensorRT engines that another machine built: really built by tensorrt_rtx, then taken over or refused."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tiny_models import BATCH, TinyModel, request

from bakeoff.artifacts.build import BuildRecord, CalibrationRecord, ExportRecord
from bakeoff.artifacts.io import digests, write_record
from bakeoff.backends.tensorrt.backend import PLAN, TensorRt
from bakeoff.config.load import parse_study
from bakeoff.core.cell import Cell
from bakeoff.core.errors import BuildError
from bakeoff.core.machine import Machine
from bakeoff.jobs import build
from bakeoff.study.jobs import StudyJobs
from bakeoff.study.plan import Plan

REASON = TensorRt(TensorRt.Options()).cannot_build(request("fp32"))
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))

TARGET = Cell(study="here", model="conv", backend="tensorrt", precision="fp32")


def export(model: TinyModel, folder: Path) -> Path:
    """An export with its record."""
    shutil.copytree(model.dynamic, folder)
    names = sorted(path.name for path in folder.iterdir())
    record = ExportRecord(target=TARGET, status="ok", format="onnx", export_s=1.5, files=digests(folder, names))
    write_record(folder / "export.json", record)
    return folder


def job(export: Path, engine: Path, study: str, **options: Any) -> dict[str, Any]:
    return {
        "target": {**asdict(TARGET), "study": study},
        "backend": {"kind": "tensorrt", **options},
        "engine": str(engine),
        "reference": str(export),
        "export": str(export),
        "device": "cpu",
        "threads": 1,
        "batch": {"min": 1, "opt": BATCH, "max": 5},
        "inputs": [{"name": "image", "shape": [3, 16, 16], "dtype": "float32"}],
    }


@pytest.fixture(scope="module")
def there(tiny: dict[str, TinyModel], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a machine that built one engine: `export/` and `engine/`."""
    folder = tmp_path_factory.mktemp("there")
    record = build.run(job(export(tiny["conv"], folder / "export"), folder / "engine", "there"))
    write_record(folder / "engine" / "build.json", record)
    return folder


@pytest.fixture
def copied(there: Path, tmp_path: Path) -> Path:
    """A copy of that machine's engine, which a test may alter."""
    return shutil.copytree(there / "engine", tmp_path / "copied")


def altered(copied: Path, **changes: Any) -> None:
    """Change fields of the copied record."""
    record = json.loads((copied / "build.json").read_text())
    (copied / "build.json").write_text(json.dumps({**record, **changes}))


def take(tmp_path: Path, there: Path, copied: Path, **changes: Any) -> BuildRecord:
    """Run the build job here on the copied engine."""
    options = changes.pop("options", {})
    spec = job(there / "export", tmp_path / "here", "here", **options)
    return build.run({**spec, "elsewhere": str(copied), **changes})


def test_it_is_copied_with_its_build_time(tmp_path: Path, there: Path, copied: Path) -> None:
    original = BuildRecord.model_validate_json((copied / "build.json").read_bytes())
    record = take(tmp_path, there, copied)
    assert (tmp_path / "here" / PLAN).read_bytes() == (copied / PLAN).read_bytes()
    assert record.build_s == original.build_s
    assert record.files == original.files
    assert (record.layer_dtypes, record.holds_precision) == (original.layer_dtypes, None)
    origin, *others = record.notes
    assert origin.startswith("built elsewhere, by tensorrt_rtx ")
    assert "on a machine without a GPU (study there), and copied from" in origin
    assert not any("another ONNX file" in note for note in others)


def test_what_is_about_running_may_differ(tmp_path: Path, there: Path, copied: Path) -> None:
    options = {"cuda_graph": True, "runtime_cache": False, "engines": "results/there"}
    assert take(tmp_path, there, copied, options=options).ok


def test_another_export_is_noted(tmp_path: Path, copied: Path, tiny: dict[str, TinyModel]) -> None:
    other = export(tiny["conv"], tmp_path / "export")
    with (other / "model.onnx").open("ab") as file:
        file.write(b"\0")
    names = [path.name for path in other.iterdir() if path.name != "export.json"]
    record = ExportRecord(target=TARGET, status="ok", format="onnx", export_s=1.5, files=digests(other, names))
    write_record(other / "export.json", record)
    taken = build.run({**job(other, tmp_path / "here", "here"), "elsewhere": str(copied)})
    assert any("another ONNX file than this study's export" in note for note in taken.notes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"target": {**asdict(TARGET), "precision": "fp16"}}, "precision fp32, this study asks for fp16"),
        ({"batch": {"min": 1, "opt": 8, "max": 8}}, r"\(min, opt, max\) \(1, 3, 5\), this study asks for \(1, 8, 8\)"),
        ({"options": {"optimization_level": 5}}, "optimization_level: None, this study asks for 5"),
        ({"options": {"library": "tensorrt"}}, "library tensorrt_rtx, this study asks for tensorrt"),
        (
            {"inputs": [{"name": "picture", "shape": [3, 16, 16], "dtype": "float32"}]},
            r"inputs \['image'\], this study asks for \['picture'\]",
        ),
    ],
)
def test_another_engine_is_refused(tmp_path: Path, there: Path, copied: Path, changes: Any, reason: str) -> None:
    with pytest.raises(BuildError, match=f"the engine was built with .*{reason}"):
        take(tmp_path, there, copied, **changes)
    assert not (tmp_path / "here" / PLAN).exists()


def test_options_of_quantization_concern_int8_alone(tmp_path: Path, there: Path, copied: Path) -> None:
    assert take(tmp_path, there, copied, options={"calibration": "entropy"}).ok
    target = {**asdict(TARGET), "precision": "int8"}
    altered(copied, target=target)
    shutil.copy(there / "export" / "export.json", tmp_path / "calibration.json")
    with pytest.raises(BuildError, match="calibration: minmax, this study asks for entropy"):
        take(tmp_path, there, copied, target=target, options={"calibration": "entropy"})


def test_int8_of_another_calibration_set_is_refused(tmp_path: Path, there: Path, copied: Path) -> None:
    target = {**asdict(TARGET), "precision": "int8"}
    use = {"sha256": "there", "n_inputs": 8, "source": "images", "method": "minmax"}
    altered(copied, target=target, calibration=use)
    calibration = tmp_path / "calibration"
    record = CalibrationRecord(target=TARGET, status="ok", source="images", n_inputs=8, sha256="here")
    write_record(calibration / "calibration.json", record)
    with pytest.raises(BuildError, match="calibration set there, this study asks for here"):
        take(tmp_path, there, copied, target=target, calibration=str(calibration))
    record.sha256 = "there"
    write_record(calibration / "calibration.json", record)
    taken = take(tmp_path, there, copied, target=target, calibration=str(calibration))
    assert taken.calibration is not None
    assert (taken.calibration.sha256, taken.calibration.method) == ("there", "minmax")


def test_a_missing_a_failed_and_a_damaged_engine(tmp_path: Path, there: Path, copied: Path) -> None:
    with pytest.raises(BuildError, match=r"nowhere/build\.json is missing: `engines` names the results folder"):
        take(tmp_path, there, tmp_path / "nowhere")
    (copied / PLAN).write_bytes(b"half a plan")
    with pytest.raises(BuildError, match=r"its hash differs.*copy the folder again"):
        take(tmp_path, there, copied)
    altered(copied, status="failed", reason="out of luck")
    with pytest.raises(BuildError, match="the build failed there \\(out of luck\\)"):
        take(tmp_path, there, copied)


def test_kinds_that_do_not_take_over_say_so(tmp_path: Path, there: Path, copied: Path) -> None:
    with pytest.raises(BuildError, match="onnxruntime takes no engines that were built elsewhere"):
        take(tmp_path, there, copied, backend={"kind": "onnxruntime"})


def test_the_folder_is_found_by_the_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = {
        "study": "here",
        "models": {"net": {"source": "timm", "name": "resnet18"}},
        "backends": {"eager": None, "trt": {"kind": "tensorrt", "engines": "ci/there/"}},
        "batch": {"sizes": [2], "dynamic": False},
    }
    machine = Machine("a processor", frozenset(), 2, (), None, None)
    jobs = StudyJobs(Plan(parse_study(study), machine))
    assert jobs.built_elsewhere(Cell("here", "net", "trt", "fp32", 2)) == "ci/there/net/trt/fp32/b2"
    assert jobs.built_elsewhere(Cell("here", "net", "trt", "fp32")) == "ci/there/net/trt/fp32"
    assert jobs.built_elsewhere(Cell("here", "net", "eager", "fp32", 2)) is None
