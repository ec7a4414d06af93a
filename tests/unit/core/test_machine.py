"""Which GPUs there are, and which of them share a study."""

import pytest

from bakeoff.core.machine import Gpu, Machine, visible_positions

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


@pytest.mark.parametrize(
    ("asked", "indices"),
    [("auto", [0, 2]), ("cuda", [0, 2]), ("cuda:0", [0]), ("cuda:1", [1]), ("cuda:7", []), ("cpu", [])],
)
def test_gpus_of_one_model_share_a_study(asked, indices):
    assert [gpu.index for gpu in _machine("H200", "L4", "H200").gpus_for(asked)] == indices


def test_a_machine_without_gpus_shares_none():
    assert _machine().gpus_for("auto") == ()
