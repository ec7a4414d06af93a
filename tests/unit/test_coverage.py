import re
from pathlib import Path

import pytest
import yaml

from bakeoff.artifacts.accuracy import AccuracyRecord
from bakeoff.artifacts.build import ExportRecord
from bakeoff.artifacts.environment import EnvironmentRecord
from bakeoff.artifacts.io import write_record
from bakeoff.artifacts.stages import RECORD_FILES, RECORDS
from bakeoff.config.load import load_study
from bakeoff.core.cell import Cell
from bakeoff.core.errors import BakeoffError
from bakeoff.core.machine import Machine
from bakeoff.study.job_parameters import Staging
from bakeoff.study.plan import Plan
from bakeoff.tools.coverage import coverage_page, read_coverage
from bakeoff.tools.reference_docs import full_machines

STUDY = {
    "study": "demo",
    "device": "cpu",
    "models": {"net_a": {"source": "torchvision", "name": "alexnet"}, "net_b": {"source": "timm", "name": "resnet18"}},
    "backends": {"eager": None, "torchscript": None, "onnxruntime": None, "openvino": None, "torch_tensorrt": None},
    "batch": {"sizes": [1, 2]},
}
FIGURES = {
    AccuracyRecord: {"relative_l2": 2.5e-7, "passed": True},
    ExportRecord: {"library": {"onnx": "1.2.3"}},
    EnvironmentRecord: {"fingerprint": "a processor, 2 cores", "library": {"torch": "9.9"}, "memory_bytes": 2**34},
}


class World:
    """A study of which everything works; a test makes some records bad, then looks at the page."""

    def __init__(self, staging):
        self.staging = staging
        exports = [f"{staging.export_folder(export)}/export.json" for export in staging.plan.exports]
        for path in [*staging.checked_records(), *exports]:
            self.write(path)

    def write(self, path, status="ok", **fields):
        """Write one record, its path relative to the study's results or to the working directory."""
        results = self.staging.paths.results
        path = path if path.startswith(results) else f"{results}/{path}"
        kind = next(RECORDS[stage] for stage, name in RECORD_FILES.items() if path.endswith(f"/{name}"))
        given = FIGURES.get(kind, {}) if status == "ok" else {}
        write_record(path, kind(target=Cell(study="demo"), status=status, **{**given, **fields}))

    def page(self):
        """The page, read from the records."""
        return coverage_page(read_coverage("study.yaml"))

    def rows(self):
        """Cells by model, then by column."""
        lines = [re.split(r" ?\| ?", line)[1:-1] for line in self.page().splitlines() if line.startswith("| ")]
        matrix = lines[: next(i for i, line in enumerate(lines) if line[0] == "**works**") + 1]
        return {row[0].replace("\\", ""): dict(zip(matrix[0], row, strict=True)) for row in matrix[1:]}

    def problems(self):
        """The list of problems: number to (cells, step, whose limit, reason)."""
        _, _, listed = self.page().partition("## What does not work")
        lines = [re.split(r" ?\| ?", line)[1:-1] for line in listed.splitlines() if re.match(r"\| \d", line)]
        return {int(line[0]): tuple(cell.replace("\\", "") for cell in line[1:]) for line in lines}


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A world on a CPU that lacks nothing."""
    machine = full_machines()["CPU"][1]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Machine, "detect", classmethod(lambda _: machine))

    def make(**changes):
        (tmp_path / "study.yaml").write_text(yaml.safe_dump({**STUDY, **changes}))
        return World(Staging(Plan(load_study("study.yaml"), machine)))

    return make


def test_a_cell_that_works_shows_its_error(world):
    world = world()
    world.write("net_b/eager/fp32/accuracy.json", identical=True, relative_l2=0.0, passed=True)
    rows = world.rows()
    assert rows["net_a"]["onnxruntime"] == "2.5e-07"
    assert rows["net_b"]["eager"] == "0"
    assert rows["**works**"]["openvino"] == "**2 of 2**"


def test_a_backend_of_some_models_leaves_the_cells_of_the_others_empty(world):
    rows = world(backends={"eager": None, "openvino": {"models": ["net_b"]}}).rows()
    assert rows["net_a"]["openvino"] == "–"
    assert rows["net_b"]["openvino"] == "2.5e-07"
    assert rows["**works**"]["openvino"] == "**1 of 1**"


def test_the_head_says_where_and_with_which_versions(world):
    page = world().page()
    assert re.search(r"\*\*Made:\*\* 20\d\d-\d\d-\d\d, on a processor, 2 cores, 16 GiB", page)
    assert "torch 9.9, onnx 1.2.3" in page
    assert "1, 2 (one engine with a dynamic batch dimension)" in page
    assert "Of 10 cells 8 work and pass" in page


def test_a_blocked_cell_tells_its_first_cause(world):
    world = world()
    for model in ("net_a", "net_b"):
        reason = f"models.{model} cannot be exported as onnx: no such operator"
        world.write(f"{model}/exports/onnx-fp32/export.json", "failed", reason=reason, error_type="ExportError")
        for backend in ("onnxruntime", "openvino"):
            world.write(f"{model}/{backend}/fp32/build.json", "blocked", reason=reason, error_type="blocked")
    assert world.rows()["net_a"]["onnxruntime"] == "✗ (1)"
    assert world.rows()["**works**"]["openvino"] == "**0 of 2**"
    cells, *problem = world.problems()[1]
    assert cells == "onnxruntime: all; openvino: all"
    assert problem == ["export", "exporter", "the model cannot be exported as onnx: no such operator"]


@pytest.mark.parametrize(
    ("record", "error_type", "step", "limit"),
    [
        ("reference/reference.json", "UselessReferenceError", "reference", "model"),
        ("openvino/fp32/build.json", "BuildError", "build", "backend"),
        ("openvino/fp32/build.json", "signal SIGSEGV", "build", "backend"),
        ("openvino/fp32/build.json", "signal SIGKILL", "build", "this machine"),
        ("openvino/fp32/build.json", "timeout", "build", "this machine"),
        ("openvino/fp32/accuracy.json", "EngineError", "run", "backend"),
        ("openvino/fp32/accuracy.json", "KeyError", "run", "Bakeoff"),
        ("exports/onnx-fp32/export.json", "signal SIGSEGV", "export", "exporter"),
    ],
)
def test_a_failure_is_somebody_s_limit(world, record, error_type, step, limit):
    world = world()
    world.write(f"net_a/{record}", "failed", reason="it | broke", error_type=error_type)
    assert world.rows()["net_a"]["openvino"].startswith("✗ (")
    assert world.rows()["net_b"]["openvino"] == "2.5e-07"
    (_, *problem) = next(p for p in world.problems().values() if "openvino: net_a" in p[0])
    assert problem[:2] == [step, limit]


def test_failed_accuracy_shows_the_error_and_the_limit_it_missed(world):
    world = world()
    missed = "relative_l2 is 0.5, allowed is 0.001"
    world.write("net_a/openvino/fp32/accuracy.json", relative_l2=0.5, passed=False, failures=[missed])
    assert world.rows()["net_a"]["openvino"] == "5.0e-01 ✗ (1)"
    assert world.problems()[1] == ("openvino: net_a", "accuracy", "backend", missed)


def test_what_the_plan_leaves_out_is_listed_with_its_reason(world):
    world = world(backends={"eager": None, "torch_tensorrt": None}, precisions=["fp32", "fp8"])
    rows = world.rows()
    assert rows["net_a"]["eager fp32"] == "2.5e-07"
    limits = {cells.split(":")[0]: (limit, reason) for cells, _, limit, reason in world.problems().values()}
    assert limits["torch_tensorrt fp32"][0] == "this machine"
    assert "GPU" in limits["torch_tensorrt fp32"][1]
    assert limits["eager fp8"][0] == "backend"


def test_an_engine_that_only_builds_here_says_so(world):
    pytest.importorskip("tensorrt_rtx", reason="tensorrt_rtx is not installed")
    world = world(backends={"eager": None, "tensorrt": None})
    assert world.rows()["net_a"]["tensorrt"] == "builds (1)"
    assert world.rows()["**works**"]["tensorrt"] == "builds 2 of 2"
    assert world.problems()[1] == ("tensorrt: all", "run", "this machine", "needs an NVIDIA GPU")
    assert "Of 4 cells 2 work and pass, 2 build but cannot be run on the machine below, 0 fail." in world.page()


def test_engines_of_fixed_batch_size_have_a_column_each(world):
    world = world(batch={"sizes": [1, 2], "dynamic": False}, backends={"eager": None, "openvino": None})
    world.write("net_a/openvino/fp32/b2/build.json", "failed", reason="too large", error_type="BuildError")
    assert world.rows()["net_a"]["openvino batch 1"] == "2.5e-07"
    assert world.rows()["net_a"]["openvino batch 2"] == "✗ (1)"


def test_a_missing_record_is_an_error(world):
    world = world()
    Path(world.staging.paths.results, "net_a/eager/fp32/build.json").unlink()
    with pytest.raises(BakeoffError, match=r"net_a/eager/fp32/build\.json is missing"):
        world.page()
