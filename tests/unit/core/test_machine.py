"""Which GPUs there are, and which of them share a study."""

from types import SimpleNamespace

import pytest

from bakeoff.core.machine import Gpu, Machine
from bakeoff.core.visible_gpus import visible_handles, visible_positions

UUIDS = ("GPU-aaa1", "GPU-aaa2", "GPU-b")


def _machine(*names):
    gpus = tuple(Gpu(index, name, 10**9, (9, 0), f"GPU-{index}") for index, name in enumerate(names))
    return Machine("a processor", frozenset(), 8, gpus, "580", None)


@pytest.mark.parametrize(
    ("visible", "positions"),
    [
        (None, [0, 1, 2]),
        ("2,0", [2, 0]),
        ("GPU-b, GPU-aaa1", [2, 0]),
        ("", []),
        ("-1", []),
        ("1,7,0", [1]),
        ("GPU-aaa", []),
    ],
)
def test_visible_devices_are_read_as_cuda_reads_them(visible, positions):
    assert visible_positions(UUIDS, visible) == positions


def test_handles_are_those_of_the_gpus_that_cuda_shows(monkeypatch):
    nvml = SimpleNamespace(
        nvmlDeviceGetCount=lambda: len(UUIDS),
        nvmlDeviceGetHandleByIndex=lambda index: f"handle {index}",
        nvmlDeviceGetUUID=lambda handle: UUIDS[int(handle[-1])],
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-b,0")
    assert visible_handles(nvml) == ["handle 2", "handle 0"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert visible_handles(nvml) == ["handle 0", "handle 1", "handle 2"]


@pytest.mark.parametrize(
    ("asked", "indices"),
    [("auto", [0, 2]), ("cuda", [0, 2]), ("cuda:0", [0]), ("cuda:1", [1]), ("cuda:7", []), ("cpu", [])],
)
def test_gpus_of_one_model_share_a_study(asked, indices):
    assert [gpu.index for gpu in _machine("H200", "L4", "H200").gpus_for(asked)] == indices


def test_a_machine_without_gpus_shares_none():
    assert _machine().gpus_for("auto") == ()
