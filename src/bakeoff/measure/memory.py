"""Memory that this process takes."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.devices.nvml import GpuProbe

if TYPE_CHECKING:
    from bakeoff.measure.loop import Measurement

_STATUS = Path("/proc/self/status")


class DeviceMemory:
    """What this process takes of a GPU's memory, by the driver: context, weights, workspaces and all.

    Make it before anything of the process is on the GPU, which the process has to itself. What libraries allocate by
    themselves is in no figure of PyTorch's, so the driver is asked: for what this process uses where it tells that
    (in most containers it does not), else for how much more of the GPU is in use than before.
    """

    def __init__(self, device: str, probe: GpuProbe | None = None) -> None:
        self._probe = None if device == "cpu" else probe or GpuProbe(device)
        self._before = self._used()

    def _used(self) -> int | None:
        reading = self._probe.read() if self._probe else None
        return reading.memory_used_bytes if reading else None

    def taken_bytes(self, measured: Measurement) -> int | None:
        """The most at any reading, those around the timed regions included; None where the driver does not say."""
        if self._probe is None:
            return None
        own = self._probe.own_memory_bytes()
        gpu = [attempt.telemetry.gpu or {} for attempt in (measured.kept, *measured.disturbed)]
        used = [self._used(), *(reading.get("memory_used_bytes") for reading in gpu)]
        found = [value - self._before for value in used if isinstance(value, int) and self._before is not None]
        return max([*([own] if own else []), *found], default=None)


def peak_rss_bytes(status: Path = _STATUS) -> int:
    """Peak resident set of this process.

    It is read from VmHWM where the kernel has it. getrusage's figure survives exec, so in a child process it can be
    that of the parent.
    """
    if status.exists():
        found = re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(), re.M)
        if found:
            return int(found.group(1)) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
