"""The verify job on a numpy engine: passes, failures, every batch size, altered files."""

import json
import subprocess
import sys

import numpy as np
import pytest

from bakeoff.accuracy.conditioned import is_conditioned
from bakeoff.accuracy.doubts import is_repeatable
from bakeoff.artifacts.accuracy import OutputFigures, ReferenceRecord
from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.io import digests, write_record
from bakeoff.backends.base import Session
from bakeoff.core.errors import BakeoffError
from bakeoff.jobs import engine_job, verify
from bakeoff.models.arrays import save_arrays

N = 6
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 4)).astype(np.float32)
W = RNG.standard_normal((4, 12)).astype(np.float32)
OUTPUTS = [
    {"name": "product", "shape": [12], "dtype": "float32", "std": 1.0},
    {"name": "double", "shape": [4], "dtype": "float32", "std": 1.0},
]
LIMIT = {"relative_l2": 1e-3}
"""The config's own, unless a test wants the defaults (None)."""


class NumpySession(Session):
    """Computes x @ W and 2 x, after `spoil` had its way."""

    batches: list[int] = []

    def __init__(self, spoil, batch_size):
        self.spoil, self.batch_size = spoil, batch_size

    def prepare(self, inputs):
        assert len(inputs[0]) == self.batch_size
        self.x = inputs[0]

    def run(self):
        self.batches.append(len(self.x))
        self.result = self.spoil([self.x @ W, 2 * self.x], self.batch_size)

    def outputs(self):
        return self.result


class NumpyBackend:
    """Loads NumpySession."""

    def __init__(self, spoil):
        self.spoil = spoil

    def load(self, folder, files, spec, batch_size):
        assert files == ["engine.bin"]
        return NumpySession(self.spoil, batch_size)


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Run verify on an engine whose outputs are spoilt."""
    reference, engine = tmp_path / "reference", tmp_path / "engine"
    reference.mkdir()
    engine.mkdir()
    target = {"study": "s", "model": "m", "backend": "b", "precision": "fp32"}
    save_arrays(reference / "inputs.npz", {"x": X})
    save_arrays(reference / "outputs.npz", {"y": X @ W, "z": 2 * X})
    files = digests(reference, ["inputs.npz", "outputs.npz"])
    write_record(
        reference / "reference.json", ReferenceRecord(target=target, status="ok", files=files, outputs=OUTPUTS)
    )
    (engine / "engine.bin").write_bytes(b"engine")
    record = BuildRecord(target=target, status="ok", files=digests(engine, ["engine.bin"]))
    write_record(engine / "build.json", record)

    def run(spoil=lambda outputs, _: outputs, precision="fp32", batch_sizes=(4,), real_weights=True, tolerance=LIMIT):
        NumpySession.batches = []
        monkeypatch.setattr(engine_job, "make_backend", lambda _: NumpyBackend(spoil))
        return verify.run(
            {
                "target": {**target, "precision": precision},
                "backend": {"kind": "fake"},
                "engine": str(engine),
                "reference": str(reference),
                "device": "cpu",
                "threads": 1,
                "batch": {"min": 1, "opt": 4, "max": 8},
                "inputs": [{"name": "x", "shape": [4], "dtype": "float32"}],
                "tolerance": tolerance,
                "real_weights": real_weights,
                "batch_sizes": list(batch_sizes),
            }
        )

    run.reference, run.engine = reference, engine
    return run


def test_an_engine_that_agrees(check):
    record = check()
    assert (record.status, record.passed, record.failures, record.indicative) == ("ok", True, [], False)
    assert record.relative_l2 < 1e-6
    assert record.tolerance == {"relative_l2": 1e-3, "relative_to_spread": 2.5e-3, "worst_input": 5e-3, "equal": 1.0}
    assert [output.name for output in record.outputs] == ["product", "double"]
    assert (record.top1_agreement, record.top5_agreement, record.n_inputs) == (1, 1, N)
    elements = np.concatenate([X @ W, 2 * X], axis=1)
    assert record.reference_std == pytest.approx(elements.std(0).mean(), rel=1e-6)
    assert record.repeat_relative_l2 == 0
    assert NumpySession.batches == [4, 4, 4, 4]


def test_every_batch_size_is_run_and_the_worst_is_reported(check):
    def wrong_at_3(outputs, batch_size):
        return [y * (1.1 if batch_size == 3 else 1) for y in outputs]

    record = check(wrong_at_3, batch_sizes=(1, 3, 16))
    assert NumpySession.batches == [1] * 12 + [3, 3] * 2 + [16] * 2
    assert not record.passed
    assert record.relative_l2 == pytest.approx(0.1, rel=1e-3)
    first, second = record.failures
    assert first.startswith("at batch 3: output product: relative L2 error 0.1 is above the limit 0.001")
    assert second.startswith("at batch 3: output double: ")
    assert [output.relative_l2 for output in record.outputs] == [pytest.approx(0.1, rel=1e-3)] * 2


def test_an_engine_that_is_right_the_first_time_only(check):
    def wrong_again(outputs, _):
        return [y * (1.2 if len(NumpySession.batches) > 2 else 1) for y in outputs]

    record = check(wrong_again)
    assert record.relative_l2 < 1e-6
    assert record.repeat_relative_l2 == pytest.approx(0.2, rel=1e-3)
    assert not record.passed
    first, second = record.failures
    assert first.startswith(
        "run again on the same inputs, output product: off the first outputs: relative L2 error 0.2"
    )
    assert second.startswith("run again on the same inputs, output double: ")
    indicative = check(wrong_again, "fp16", real_weights=False, tolerance=None)
    assert indicative.passed
    assert is_repeatable(indicative) is False


def test_nan_in_the_second_answer_fails(check):
    def spoil(outputs, _):
        if len(NumpySession.batches) > 2:
            outputs[0][0, 0] = np.nan
        return outputs

    record = check(spoil, "fp16", real_weights=False)
    assert record.failures == ["run again on the same inputs, 2 of 128 output elements are NaN or infinite"]
    assert record.relative_l2 < 1e-6
    assert record.repeat_relative_l2 is None


def test_of_a_slow_engine_one_batch_is_run_again(check, monkeypatch):
    monkeypatch.setattr(verify, "REPEAT_S", 0.0)
    assert check(batch_sizes=(1,)).repeat_relative_l2 == 0
    assert NumpySession.batches == [1] * 7


def test_rows_past_the_check_inputs_are_judged_too(check):
    def wrong_later(outputs, _):
        for y in outputs:
            y[N:] = 0
        return outputs

    assert check(wrong_later, batch_sizes=(N,)).passed
    assert not check(wrong_later, batch_sizes=(2 * N,)).passed


def test_nan_leaves_no_figures_and_fails(check):
    def spoil(outputs, _):
        outputs[1][0, 0] = np.nan
        return outputs

    record = check(spoil, "bf16", real_weights=False, tolerance=None)
    assert not record.passed
    assert record.relative_l2 is None
    assert "NaN or infinite" in record.failures[0]
    json.loads(record.model_dump_json())


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda o, _: o[:1], "1 outputs where the model has 2"),
        (lambda o, _: o[::-1], "output 0 has shape"),
        (lambda o, _: [y[:1] for y in o], r"output 0 has shape [1, 12] for a batch of 4"),
    ],
)
def test_wrong_outputs_fail_in_words(check, spoil, told):
    record = check(spoil)
    assert not record.passed
    assert record.failures[0].startswith(told)


def test_random_weights_make_low_precisions_indicative(check):
    def noisy(outputs, _):
        return [y + 0.2 * np.sin(40 * y) for y in outputs]

    record = check(noisy, "bf16", real_weights=False, tolerance=None)
    assert record.passed
    assert record.indicative
    assert not check(noisy, "bf16", real_weights=True, tolerance=None).passed


@pytest.mark.parametrize(
    ("error", "precision", "trained"), [(0.04, "bf16", True), (0.06, "bf16", False), (0.04, "fp16", False)]
)
def test_random_weights_that_do_not_amplify_rounding_are_judged_as_trained_ones(check, error, precision, trained):
    """Rounding alone may take half of each limit: 0.05 in bf16, 0.01 in fp16."""

    def noisy(outputs, _):
        return [y + 0.3 * np.sin(40 * y) for y in outputs]

    path = check.reference / "reference.json"
    record = ReferenceRecord.model_validate_json(path.read_bytes())
    figures = [OutputFigures(name=output.name, relative_l2=error, worst_input=error) for output in record.outputs]
    write_record(path, record.model_copy(update={"rounding": {precision: figures}}))
    judged = check(noisy, precision, real_weights=False, tolerance=None)
    assert judged.indicative is not trained
    assert judged.passed is not trained


def test_weights_whose_rounding_is_not_known_are_not_trusted():
    good = OutputFigures(name="y", relative_l2=1e-3, relative_to_spread=1e-3, worst_input=1e-3)
    assert is_conditioned({"fp16": [good], "bf16": [good]}, "tf32")
    # quantized engines are off by more than rounding, sound as they are
    assert not is_conditioned({"fp16": [good], "bf16": [good]}, "int8")
    assert not is_conditioned(None, "bf16")
    assert not is_conditioned({"fp16": [good], "bf16": []}, "bf16")
    # as large as the output varies over inputs
    constant = good.model_copy(update={"relative_to_spread": 0.2})
    assert not is_conditioned({"fp16": [good, constant]}, "tf32")


@pytest.mark.parametrize("file", ["reference/outputs.npz", "reference/inputs.npz", "engine/engine.bin"])
def test_altered_files_are_noticed(check, file):
    path = check.reference.parent / file
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(BakeoffError, match="its hash differs"):
        check()


def test_it_imports_no_torch():
    code = "import sys, bakeoff.jobs.verify; sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
