import hashlib
import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from virtual_session import FakeSession, VirtualTime

from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.io import digests, write_record
from bakeoff.artifacts.timing import TimedOutputs, TimingRecord
from bakeoff.core.errors import BakeoffError
from bakeoff.jobs import time as job
from bakeoff.jobs.engine_job import EngineJob
from bakeoff.measure.modes import split_in_two


class RealTimeSession(FakeSession):
    """A session that computes a little for real, and answers with twice its input, as later inferences spoil it."""

    def __init__(self) -> None:
        super().__init__(VirtualTime(), lambda _: 0.0)
        self.inputs = []
        self.closed = False
        self.spoil = lambda output: output

    def prepare(self, inputs):
        self.inputs = inputs

    def run(self):
        self.calls.append("run")
        np.sort(np.arange(2000)[::-1])

    def outputs(self):
        output = 2 * self.inputs[0]
        return [self.spoil(output) if self.calls.count("run") > 10 else output]

    def close(self):
        self.closed = True


class FakeBackend:
    def __init__(self) -> None:
        self.session = RealTimeSession()
        self.calls = []

    def import_library(self):
        self.calls.append("import_library")

    def load(self, folder, files, spec, batch_size):
        self.calls.append(("load", files, spec.threads, batch_size))
        return self.session


@pytest.fixture
def backend(monkeypatch):
    fake = FakeBackend()
    monkeypatch.setattr(EngineJob, "make_backend", lambda _: fake)
    return fake


@pytest.fixture
def spec(tmp_path):
    engine, reference = tmp_path / "engine", tmp_path / "reference"
    engine.mkdir()
    reference.mkdir()
    (engine / "engine.bin").write_bytes(b"weights")
    target = {"study": "s", "model": "m", "backend": "b", "precision": "fp32"}
    write_record(engine / "build.json", BuildRecord(target=target, status="ok", files=digests(engine, ["engine.bin"])))
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.savez(reference / "inputs.npz", x=x)
    np.savez(reference / "outputs.npz", y=2 * x)
    return {
        "target": {**target, "batch_size": 6, "round": 1},
        "backend": {"kind": "eager"},
        "engine": str(engine),
        "reference": str(reference),
        "device": "cpu",
        "threads": 1,
        "batch": {"min": 1, "opt": 6, "max": 6},
        "inputs": [{"name": "x", "shape": [3], "dtype": "float32"}],
        "warmup": {"min_s": 0.01, "max_s": 0.05},
        "timing": {"min_s": 0.02, "max_s": 0.1, "throughput_s": 0.01, "ci_rel": 0.05},
        "out": str(tmp_path / "round1"),
    }


def test_record_and_samples(spec, backend, tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_SESSION", "one-run")
    monkeypatch.setenv("BAKEOFF_DEVICE", "cuda:3")
    spec["timing"]["retries"] = 0
    started = datetime.now(UTC)
    record = job.run(spec)
    assert started - timedelta(seconds=1) <= datetime.fromisoformat(record.begun) <= datetime.now(UTC)
    assert record.session == f"one-run@{socket.gethostname()}"
    assert record.device == "cuda:3"
    assert (record.pinned_cpus is None) is (record.not_pinned is not None)
    assert backend.calls == ["import_library", ("load", ["engine.bin"], 1, 6)]
    assert backend.session.inputs[0].shape == (6, 3)
    assert backend.session.closed
    assert record.ok
    assert record.threads == 1
    assert record.device_ms is None
    assert record.dispatch_ms is None
    assert record.transfer is None
    assert record.memory.host_rss_bytes > 1_000_000
    assert record.outputs == TimedOutputs(relative_l2=0.0)

    samples = tmp_path / "round1" / "samples.npz"
    assert record.samples == str(samples)
    assert record.samples_digest == hashlib.sha256(samples.read_bytes()).hexdigest()
    with np.load(samples) as arrays:
        disturbed = [attempt.samples for attempt in record.disturbed]
        assert set(arrays) == {"warmup_ms", "latency_ms", "closing_ms", *disturbed}
        closing = arrays["closing_ms"].size
        assert arrays["latency_ms"].dtype == np.float64
        assert arrays["latency_ms"].size == record.latency_ms.n
        assert np.median(arrays["latency_ms"]) == record.latency_ms.median
        assert arrays["warmup_ms"].size == record.warmup.n
    runs = backend.session.calls.count("run")
    assert runs == 1 + record.warmup.n + record.latency_ms.n + record.throughput.n + closing
    assert TimingRecord.model_validate_json(record.model_dump_json(by_alias=True)) == record


def test_the_record_holds_facts_and_no_warnings(spec, backend, tmp_path):
    record = job.run(spec)
    stored = json.loads(record.model_dump_json(by_alias=True))
    assert stored["warnings"] is None
    with np.load(tmp_path / "round1" / "samples.npz") as arrays:
        assert record.modes == split_in_two(arrays["latency_ms"])
    assert set(stored["modes"]) == {"low_ms", "high_ms", "smaller_share", "gap_rel", "ashman_d"}
    assert stored["modes"]["low_ms"] < stored["modes"]["high_ms"]
    assert isinstance(stored["converged"], bool)
    assert isinstance(stored["warmup"]["steady"], bool)


@pytest.mark.parametrize("batch_size", [1, 4, 6])
def test_what_was_timed_is_compared_with_the_reference(spec, backend, batch_size):
    """Rows past the check inputs repeat them."""
    backend.session.spoil = lambda output: 1.5 * output
    spec["target"]["batch_size"] = batch_size
    assert job.run(spec).outputs.relative_l2 == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (lambda y: np.where(y > 20, np.nan, y), "1 of 12 output elements are NaN or infinite"),
        (lambda y: y[:, :2], "output 0 has shape [4, 2] where the model's has [4, 3]"),
        (lambda y: y.sum(), "output 0 has shape [] where the model's has [4, 3]"),
    ],
)
def test_outputs_that_cannot_be_compared_are_told(spec, backend, spoil, wrong):
    backend.session.spoil = spoil
    assert job.run(spec).outputs == TimedOutputs(wrong=wrong)


def test_altered_engine_is_refused_before_it_is_loaded(spec, backend, tmp_path):
    (tmp_path / "engine" / "engine.bin").write_bytes(b"other")
    with pytest.raises(BakeoffError, match="hash differs"):
        job.run(spec)
    assert backend.calls == []


def test_session_is_closed_after_an_error(spec, backend):
    backend.session.run = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        job.run(spec)
    assert backend.session.closed


@pytest.mark.parametrize("package", ["jobs", "measure", "accuracy"])
def test_what_makes_records_does_not_know_what_collects_them(root, package):
    imports = [line for file in (root / "src/bakeoff" / package).rglob("*.py") for line in file.read_text().split("\n")]
    assert [line for line in imports if "import" in line and "bakeoff.collect" in line] == []


def test_timing_imports_no_inference_library(root):
    code = "import sys, bakeoff.jobs.time; print(sorted({'torch', 'scipy', 'pandas'} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout == "[]\n"
