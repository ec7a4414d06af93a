"""The timing job on a numpy engine: what was timed is compared with the reference."""

import numpy as np
import pytest

from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.io import digests, write_record
from bakeoff.backends.base import Session
from bakeoff.jobs import engine_job, time
from bakeoff.models.arrays import save_arrays

N = 6
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 4)).astype(np.float32)
W = RNG.standard_normal((4, 12)).astype(np.float32)


class NumpySession(Session):
    """Computes x @ W, and from the tenth inference on what `spoil` makes of it."""

    def __init__(self, spoil):
        self.spoil, self.n = spoil, 0

    def prepare(self, inputs):
        self.x = inputs[0]

    def run(self):
        self.n += 1
        self.y = self.x @ W
        if self.n >= 10:
            self.y = self.spoil(self.y)

    def outputs(self):
        return [self.y]


class NumpyBackend:
    """Loads NumpySession."""

    def __init__(self, spoil):
        self.spoil = spoil

    def import_library(self):
        pass

    def load(self, folder, files, spec, batch_size):
        return NumpySession(self.spoil)


@pytest.fixture
def timed(tmp_path, monkeypatch):
    """Time one round of an engine whose later outputs are spoilt."""
    target = {"study": "s", "model": "m", "backend": "b", "precision": "fp32"}
    reference, engine = tmp_path / "reference", tmp_path / "engine"
    reference.mkdir()
    engine.mkdir()
    save_arrays(reference / "inputs.npz", {"x": X})
    save_arrays(reference / "outputs.npz", {"y": X @ W})
    (engine / "engine.bin").write_bytes(b"engine")
    record = BuildRecord(target=target, status="ok", files=digests(engine, ["engine.bin"]))
    write_record(engine / "build.json", record)

    def run(spoil, batch_size):
        monkeypatch.setattr(engine_job, "make_backend", lambda _: NumpyBackend(spoil))
        return time.run(
            {
                "target": {**target, "batch_size": batch_size, "round": 1},
                "backend": {"kind": "fake"},
                "engine": str(engine),
                "reference": str(reference),
                "device": "cpu",
                "threads": 1,
                "batch": {"min": 1, "opt": batch_size, "max": batch_size},
                "inputs": [{"name": "x", "shape": [4], "dtype": "float32"}],
                "warmup": {"min_s": 0.01, "max_s": 0.02},
                "timing": {"min_s": 0.01, "max_s": 0.05, "throughput_s": 0.01},
                "out": str(tmp_path),
            }
        )

    return run


@pytest.mark.parametrize("batch_size", [1, N, 2 * N + 1])
def test_a_sound_engine(timed, batch_size):
    outputs = timed(lambda y: y, batch_size).outputs
    assert outputs.relative_l2 < 1e-6
    assert outputs.wrong is None


@pytest.mark.parametrize("batch_size", [1, 2 * N + 1])
def test_an_engine_that_goes_wrong_while_it_is_timed(timed, batch_size):
    assert timed(lambda y: 1.5 * y, batch_size).outputs.relative_l2 == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (lambda y: np.where(y > 0, np.nan, y), "output elements are NaN or infinite"),
        (lambda y: y[:, :3], "output 0 has shape [6, 3] where the model's has [6, 12]"),
        (lambda y: y.sum(), "output 0 has shape [] where the model's has [6, 12]"),
    ],
)
def test_what_cannot_be_compared_is_told(timed, spoil, wrong):
    outputs = timed(spoil, N).outputs
    assert outputs.relative_l2 is None
    assert wrong in outputs.wrong
