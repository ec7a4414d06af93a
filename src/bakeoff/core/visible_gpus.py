"""Which of the host's GPUs this process sees as `cuda:0`, `cuda:1`, ...: how CUDA reads CUDA_VISIBLE_DEVICES.

NVML, from which facts about GPUs come, counts all GPUs of the host in PCI order and heeds no such variable.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

VARIABLE = "CUDA_VISIBLE_DEVICES"


def visible_positions(uuids: Sequence[str], visible: str | None) -> list[int]:
    """Positions among all GPUs of those that CUDA shows, in its order.

    Args:
        uuids: UUID of each GPU of the host, in PCI order.
        visible: The variable's value: numbers or beginnings of UUIDs, separated by commas. What follows an entry that
            names no GPU does not count, as in CUDA (CUDA C++ Programming Guide, environment variables). None where the
            variable is not set.
    """
    if visible is None:
        return list(range(len(uuids)))
    positions = []
    for entry in map(str.strip, visible.split(",")):
        if entry.isdigit():
            named = [int(entry)] if int(entry) < len(uuids) else []
        else:
            named = [i for i, uuid in enumerate(uuids) if entry.startswith("GPU-") and uuid.startswith(entry)]
        if len(named) != 1:
            break
        positions += named
    return positions


def visible_handles(pynvml: Any) -> list[Any]:
    """NVML's handles of the GPUs that this process sees, the one behind `cuda:0` first.

    Args:
        pynvml: The module, after `nvmlInit`.

    Raises pynvml.NVMLError where NVML refuses to tell.
    """
    every = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
    uuids = [pynvml.nvmlDeviceGetUUID(handle) for handle in every]
    return [every[position] for position in visible_positions(uuids, os.environ.get(VARIABLE))]
