"""The jobs that build and profile an engine, on real backends."""

import fcntl
import json
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import BATCH, TinyModel

from bakeoff.artifacts.build import BuildRecord, ExportRecord
from bakeoff.artifacts.io import digests, write_record
from bakeoff.backends.base import Built, EngineSpec
from bakeoff.backends.onnxruntime.backend import OnnxRuntime
from bakeoff.backends.onnxruntime.session import OnnxRuntimeSession
from bakeoff.core import job_messages as channel
from bakeoff.core.cell import Cell
from bakeoff.core.errors import BakeoffError, BuildError
from bakeoff.jobs import build, profile


@pytest.fixture
def job(tiny: dict[str, TinyModel], tmp_path: Path) -> dict[str, Any]:
    """A build job for the tiny convolutional network; `backend` and `engine` may be changed."""
    model = tiny["conv"]
    export, reference = tmp_path / "export", tmp_path / "reference"
    export.mkdir()
    reference.mkdir()
    for path in model.dynamic.iterdir():
        (export / path.name).write_bytes(path.read_bytes())
    target = Cell(study="s", model="conv", backend="ort", precision="fp32")
    names = sorted(path.name for path in export.iterdir())
    record = ExportRecord(target=target, status="ok", format="onnx", export_s=1.5, files=digests(export, names))
    write_record(export / "export.json", record)
    np.savez(reference / "inputs.npz", image=model.arrays[5][0])
    return {
        "target": asdict(target),
        "backend": {"kind": "onnxruntime"},
        "engine": str(tmp_path / "engine"),
        "reference": str(reference),
        "export": str(export),
        "device": "cpu",
        "threads": 1,
        "batch": {"min": 1, "opt": BATCH, "max": 8},
        "inputs": [{"name": "image", "shape": [3, 16, 16], "dtype": "float32"}],
    }


def built(job: dict[str, Any]) -> BuildRecord:
    """Run the build job and leave its record where the other jobs look for it."""
    record = build.run(json.loads(json.dumps(job)))
    write_record(Path(job["engine"]) / "build.json", record)
    return record


@pytest.mark.parametrize("kind", ["onnxruntime", "openvino"])
def test_build_and_profile(job: dict[str, Any], tmp_path: Path, kind: str) -> None:
    job["backend"] = {"kind": kind}
    record = built(job)
    assert record.ok
    assert record.build_s > 0
    assert record.export_s == 1.5
    assert record.holds_precision is True
    assert record.options == {"kind": kind}
    assert record.library.keys() == {kind}
    assert record.engine_bytes == sum((Path(job["engine"]) / name).stat().st_size for name in record.files)
    out = tmp_path / "b8"
    spec = {key: value for key, value in job.items() if key != "export"}
    spec["target"] = {**job["target"], "batch_size": 8}
    profiled = profile.run({**spec, "batch_size": 8, "runs": 5, "max_s": 30.0, "out": str(out)})
    assert profiled.ok
    assert profiled.runs == 5
    assert profiled.layer_sum_ms == pytest.approx(sum(layer.time_ms.median for layer in profiled.layers))
    assert profiled.profiled_latency_ms > 0
    assert profiled.trace == str(out / "trace.json")
    events = [e for e in json.loads((out / "trace.json").read_text())["traceEvents"] if e["ph"] == "X"]
    assert [e["name"] for e in events] == [layer.name for layer in profiled.layers]
    convolution = next(layer for layer in profiled.layers if layer.type in ("Conv", "Convolution"))
    assert convolution.input_shapes[0][0] == 8


def test_a_backend_without_profiler_is_unsupported(
    job: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def layers(self: object, runs: int, max_s: float) -> None:
        raise NotImplementedError

    built(job)
    monkeypatch.setattr(OnnxRuntimeSession, "layers", layers)
    spec = {key: value for key, value in job.items() if key != "export"}
    record = profile.run({**spec, "batch_size": 1, "runs": 5, "max_s": 30.0, "out": str(tmp_path)})
    assert (record.status, record.error_type) == ("unsupported", "unsupported")
    assert "onnxruntime" in record.reason
    assert not (tmp_path / "trace.json").exists()


def test_a_rebuild_replaces_the_engine_and_leaves_other_targets_alone(job: dict[str, Any]) -> None:
    engine = Path(job["engine"])
    first = built(job)
    kept = [engine / "b8" / "round1" / "timing.json", engine / "accuracy.json", engine / "trace.json"]
    stale = [engine / "engine.xml", engine / ".build-killed" / "engine.onnx"]
    for path in kept + stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    second = built(job)
    assert first.files == second.files
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in stale)
    assert sorted(p.name for p in engine.iterdir() if p.is_file()) == sorted(
        [*second.files, "accuracy.json", "build.json", "trace.json"]
    )


def test_a_failed_build_leaves_no_engine(job: dict[str, Any]) -> None:
    built(job)
    job["batch"] = {"min": 1, "opt": 1, "max": 4}
    export = Path(job["export"])
    (export / "model.onnx").write_bytes(b"not a model")
    names = sorted(path.name for path in export.iterdir() if path.name != "export.json")
    target = Cell(**job["target"])
    write_record(export / "export.json", ExportRecord(target=target, status="ok", files=digests(export, names)))
    with pytest.raises(BuildError, match=r"model\.onnx"):
        build.run(job)
    assert list(Path(job["engine"]).iterdir()) == []


def test_an_altered_export_is_refused(job: dict[str, Any]) -> None:
    path = Path(job["export"]) / "model.onnx"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(BakeoffError, match="hash differs"):
        build.run(job)


def test_a_failed_export_is_named(job: dict[str, Any]) -> None:
    target = Cell(**job["target"])
    record = ExportRecord(target=target, status="failed", reason="it uses a loop")
    write_record(Path(job["export"]) / "export.json", record)
    with pytest.raises(BuildError, match="it uses a loop"):
        build.run(job)


def test_an_altered_engine_is_not_profiled(job: dict[str, Any], tmp_path: Path) -> None:
    record = built(job)
    path = Path(job["engine"]) / next(iter(record.files))
    path.write_bytes(path.read_bytes() + b" ")
    spec = {key: value for key, value in job.items() if key != "export"}
    with pytest.raises(BakeoffError, match="hash differs"):
        profile.run({**spec, "batch_size": 1, "runs": 5, "max_s": 30.0, "out": str(tmp_path)})


def test_waiting_for_a_turn_at_timing_kernels_is_not_in_the_build_time(
    job: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "turn"
    lock.touch()
    wait_s = 1.0
    build_one = OnnxRuntime.build

    def build_in_turns(self: OnnxRuntime, export: Path, spec: EngineSpec, out: Path) -> Built:
        other = open(lock)  # noqa: SIM115 - closed by the timer
        fcntl.flock(other, fcntl.LOCK_EX)
        threading.Timer(wait_s, other.close).start()
        with spec.kernel_timing_turn():
            return build_one(self, export, spec, out)

    monkeypatch.setattr(OnnxRuntime, "build", build_in_turns)
    with open(lock) as own:
        monkeypatch.setenv(channel.TURN_LOCK, str(own.fileno()))
        started = time.perf_counter()
        record = built(job)
        taken_s = time.perf_counter() - started
    assert taken_s > wait_s
    assert record.build_s < taken_s - 0.9 * wait_s
