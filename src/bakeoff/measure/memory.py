"""Memory that this process takes."""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Iterable
from pathlib import Path

from bakeoff.artifacts.timing import Telemetry
from bakeoff.devices.nvml import GpuProbe

_STATUS = Path("/proc/self/status")


class DeviceMemory:
    """What this process takes of a GPU's memory, by the driver: context, weights, workspaces and all.

    Make it before the process imports its backend's library, since a library may put its context on the GPU when it is
    imported; nobody else computes on the GPU while it is measured. What libraries allocate by themselves is in no
    figure of PyTorch's, so the driver is asked: for what this process uses where it tells that (in most containers it
    does not), else for how much more of the GPU is in use than before.
    """

    def __init__(self, device: str, probe: GpuProbe | None = None) -> None:
        self._probe = None if device == "cpu" else probe or GpuProbe(device)
        self._before = self._used()

    def _used(self) -> int | None:
        reading = self._probe.read() if self._probe else None
        return reading.memory_used_bytes if reading else None

    def taken_bytes(self, telemetry: Iterable[Telemetry], allocator_peak_bytes: int | None) -> int | None:
        """The most at any reading, those around the timed regions included.

        None where the driver does not say. None also where it is less than what PyTorch's allocator alone took: then
        somebody else gave memory back meanwhile, and the difference says nothing of this process.

        Args:
            telemetry: The readings around each attempt to measure.
            allocator_peak_bytes: Peak of PyTorch's allocator, where there is one.
        """
        if self._probe is None:
            return None
        own = self._probe.own_memory_bytes()
        used = [self._used(), *((each.gpu or {}).get("memory_used_bytes") for each in telemetry)]
        found = [value - self._before for value in used if isinstance(value, int) and self._before is not None]
        most = max([*([own] if own else []), *found], default=0)
        return most if most > (allocator_peak_bytes or 0) else None


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
