"""Limits of targets, against the formula done by hand."""

import pytest

from bakeoff.artifacts.accuracy import Work
from bakeoff.artifacts.collected import Row
from bakeoff.artifacts.environment import DeviceLimits
from bakeoff.limits.share import least_bytes, limit_of, set_limit

WORK = Work(
    flops_per_item=2_000_000, weight_elements=1000, input_elements=30, output_elements=10, table_elements=5,
    integer_bytes=8,
)  # fmt: skip
DEVICE = DeviceLimits(matrix_flops_per_s={"fp32": 1e9, "fp16": 4e9, "int8": None}, copy_bytes_per_s=1e6)


@pytest.mark.parametrize(
    ("precision", "batch", "expected"),
    [
        ("fp32", 1, 4 * (1000 + 45) + 8),
        ("tf32", 1, 4 * (1000 + 45) + 8),
        ("fp16", 1, 2 * (1000 + 45) + 8),
        ("bf16", 4, 2 * (1000 + 4 * 45) + 4 * 8),
        ("int8", 4, (1000 + 4 * 45) + 4 * 8),
        ("fp8", 1, (1000 + 45) + 8),
    ],
)
def test_least_bytes(precision, batch, expected):
    assert least_bytes(WORK, precision, batch) == expected


def test_the_longer_time_is_the_limit():
    memory = limit_of(WORK, DEVICE, "fp32", 1)
    assert (memory.ms, memory.bound) == (pytest.approx(4.188), "memory")  # 4188 B at 1 MB/s; arithmetic takes 2 ms
    compute = limit_of(WORK, DEVICE, "fp32", 10)
    assert (compute.ms, compute.bound) == (pytest.approx(20.0), "compute")  # 20 MFLOP at 1 GFLOP/s; bytes take 5.88 ms


def row(**changes):
    return Row(**{"model": "m", "backend": "b", "precision": "fp32", "batch_size": 10, "device": "cpu",
                  "status": "ok", "latency_ms": 80.0, **changes})  # fmt: skip


def limited(made, work=WORK, device=DEVICE):
    set_limit(made, work, device)
    return made.limit_ms, made.share_of_limit, made.bound


def test_share_of_the_latency_and_of_the_device_time_where_there_is_one():
    assert limited(row()) == (pytest.approx(20), pytest.approx(0.25), "compute")
    assert limited(row(device_ms=40.0)) == (pytest.approx(20), pytest.approx(0.5), "compute")


def test_a_share_above_one_is_kept():
    assert limited(row(latency_ms=10.0))[1] == pytest.approx(2)


def test_a_target_that_was_not_timed_has_a_limit_and_no_share():
    assert limited(row(status="failed", latency_ms=None)) == (pytest.approx(20), None, "compute")


@pytest.mark.parametrize(
    ("changes", "work", "device"),
    [
        ({"precision": "int8"}, WORK, DEVICE),
        ({"precision": "bf16"}, WORK, DEVICE),
        ({}, None, DEVICE),
        ({}, Work(notes=["no"]), DEVICE),
        ({}, WORK.model_copy(update={"flops_per_item": None}), DEVICE),
        ({}, WORK.model_copy(update={"table_elements": None}), DEVICE),
        ({}, WORK, None),
        ({}, WORK, DeviceLimits()),
        ({}, WORK, DEVICE.model_copy(update={"copy_bytes_per_s": None})),
    ],
)
def test_what_is_not_known_is_null(changes, work, device):
    assert limited(row(**changes), work, device) == (None, None, None)
