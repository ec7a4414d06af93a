"""Rates of the machine that runs the tests: there, positive, explained; how large is its own affair."""

import json

import pytest
import torch

from bakeoff.artifacts.environment import EnvironmentRecord
from bakeoff.freshness.environment_variables import recorded
from bakeoff.jobs import environment
from bakeoff.limits import rates

SPEC = {
    "target": {"study": "s"}, "device": "cpu", "threads": 1, "gpus": [], "precisions": ["fp32"],
    "distributions": ["numpy"],
}  # fmt: skip


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Small matrices and one thread, as before afterwards."""
    monkeypatch.setattr(rates, "LARGEST", 256)
    monkeypatch.setattr(rates, "FINAL_S", 0.02)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_environment_job_measures_its_device():
    record = environment.run(SPEC)
    limits = record.limits
    assert list(limits.matrix_flops_per_s) == ["fp32"]
    assert limits.matrix_flops_per_s["fp32"] > 0
    assert limits.copy_bytes_per_s > 0
    assert limits.how["fp32"].startswith("torch.matmul of two 256 × 256 matrices, best of ")
    assert "MiB" in limits.how["copy"]
    assert torch.get_num_threads() == 1
    assert EnvironmentRecord.model_validate_json(record.model_dump_json(by_alias=True)).limits == limits


def test_nothing_is_measured_where_nothing_runs(monkeypatch):
    monkeypatch.setattr(environment, "measure_limits", lambda *_: pytest.fail("it measures"))
    assert environment.run({**SPEC, "precisions": []}).limits is None


def test_every_gpu_is_recorded_but_not_the_one_that_the_job_was_given(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-1")
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "0")
    gpus = [
        {"index": i, "name": "H200", "memory_bytes": 1, "compute_capability": (9, 0), "uuid": f"GPU-{i}"}
        for i in range(2)
    ]
    record = environment.run(json.loads(json.dumps({**SPEC, "gpus": gpus, "precisions": []})))
    assert [gpu["uuid"] for gpu in record.machine["gpus"]] == ["GPU-0", "GPU-1"]
    # Variables of GPUs alone are recorded in a study on GPUs, and which GPU a job was given in none.
    assert "CUDA_LAUNCH_BLOCKING" not in record.variables
    assert recorded(on_gpu=True)["CUDA_LAUNCH_BLOCKING"] == "0"
    assert "CUDA_VISIBLE_DEVICES" not in recorded(on_gpu=True)


def test_what_cannot_be_measured_is_null_with_the_reason():
    limits = rates.measure_limits("cpu", 1, ["tf32", "fp8"])
    assert limits.matrix_flops_per_s == {"tf32": None, "fp8": None}
    assert limits.how["tf32"] == "TF32 is a format of NVIDIA GPUs"
    assert limits.how["fp8"] == "products of fp8 matrices are not measured"
    assert limits.copy_bytes_per_s > 0


def test_a_gpu_that_is_not_there_is_no_error():
    limits = rates.measure_limits("cuda:99", 1, ["fp16"])
    assert limits.matrix_flops_per_s == {"fp16": None}
    assert limits.copy_bytes_per_s is None
    assert set(limits.how.values()) == {"there is no cuda:99 here"}


def _with_rates(monkeypatch, found):
    def fastest(device, precision):
        if isinstance(found[precision], Exception):
            raise found[precision]
        return rates.Fastest(found[precision], 256, 3)

    monkeypatch.setattr(rates, "_fastest_product", fastest)
    return rates.measure_limits("cpu", 1, [p for p in found if p != "fp32"])


def test_an_emulated_precision_has_no_rate(monkeypatch):
    limits = _with_rates(monkeypatch, {"fp32": 100.0, "bf16": 150.0, "fp16": 2.0})
    assert limits.matrix_flops_per_s == {"fp16": None, "bf16": 150.0}
    assert limits.how["fp16"] == "PyTorch only emulates it here, at 0.02 of the rate of fp32"


def test_an_operator_that_pytorch_lacks_is_null_with_its_words(monkeypatch):
    limits = _with_rates(monkeypatch, {"fp32": 100.0, "int8": RuntimeError("_int_mm: not here\nstack")})
    assert limits.matrix_flops_per_s == {"int8": None}
    assert limits.how["int8"] == "RuntimeError: _int_mm: not here"


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16", "int8"])
def test_products_of_every_precision(precision):
    try:
        made = rates._product(128, precision, "cpu")()
    except RuntimeError as error:
        pytest.skip(f"PyTorch has no such product here: {error}")
    assert made.shape == (128, 128)
    assert made.dtype == {"fp16": torch.float16, "bf16": torch.bfloat16, "int8": torch.int32}.get(
        precision, torch.float32
    )


def test_memory_that_runs_out_ends_the_search_for_a_size(monkeypatch):
    product = rates._product

    def small_memory(size, precision, device):
        if size > 256:
            raise torch.OutOfMemoryError("none left")
        return product(size, precision, device)

    monkeypatch.setattr(rates, "LARGEST", 4096)
    monkeypatch.setattr(rates, "LONGEST_S", 1e9)
    monkeypatch.setattr(rates, "_product", small_memory)
    assert rates._fastest_product("cpu", "fp32").size == 256


def test_the_rate_is_that_of_the_shortest_repetition(monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr(rates.time, "perf_counter", lambda: 0.001 * next(clock))
    calls = []
    found = rates._fastest(lambda: calls.append(1), "cpu", 500, 64)
    # each reading of the clock adds a millisecond, so a repetition of ten calls takes one
    assert found.rate == pytest.approx(500 / 0.0001)
    assert len(calls) == 2 + 10 * (found.repetitions - 1)
