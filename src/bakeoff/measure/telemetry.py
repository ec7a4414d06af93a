"""The state of the machine around the timed region: evidence beside each number. Nothing is read inside the region.

CPU shares come from the difference of two readings of /proc/stat (proc(5)) less this process's own CPU time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bakeoff.artifacts.timing import Telemetry
from bakeoff.devices.nvml import GpuProbe, GpuReading, gpu_evidence

_STAT = Path("/proc/stat")


@dataclass(frozen=True)
class CpuTimes:
    """CPU time since boot, in seconds summed over cores, and this process's share of it."""

    busy_s: float
    """Computing for any process."""
    steal_s: float
    """Taken away by the hypervisor."""
    total_s: float
    """Everything, idling included."""
    own_s: float
    """This process and the children it waited for."""


@dataclass(frozen=True)
class Reading:
    """The machine at one moment."""

    cpu: CpuTimes | None
    mhz: float | None
    gpu: GpuReading | None


class Observer:
    """Reads the machine before and after a timed region. NVML is opened here, before anything is timed."""

    def __init__(self, device: str) -> None:
        self._gpu = None if device == "cpu" else GpuProbe(device)
        self._load_1min: float | None = None
        self._before: Reading | None = None
        self._after: Reading | None = None

    def before(self) -> None:
        """Read the machine; call right before the timed region."""
        self._load_1min = _load_1min()
        self._before = self._read()

    def after(self) -> None:
        """Read the machine again; call right after the timed region."""
        self._after = self._read()

    def telemetry(self) -> Telemetry:
        """What the two readings say. Raises ValueError where one of them was not taken."""
        before, after = self._before, self._after
        if before is None or after is None:
            raise ValueError("telemetry needs a reading before and one after")
        steal, other = cpu_shares(before.cpu, after.cpu)
        return Telemetry(
            load_1min=self._load_1min,
            steal_share=steal,
            other_cpu_share=other,
            cpu_mhz=(before.mhz, after.mhz) if before.mhz is not None and after.mhz is not None else None,
            gpu=self._gpu_evidence(before, after),
        )

    def _gpu_evidence(self, before: Reading, after: Reading) -> dict[str, float | int | str | list[str] | None] | None:
        evidence = gpu_evidence(before.gpu, after.gpu)
        return {**self._gpu.identity(), **evidence} if self._gpu and evidence else None

    def _read(self) -> Reading:
        # The GPU first: it begins to idle, and to lower its clocks, as soon as the region ends.
        gpu = self._gpu.read() if self._gpu else None
        return Reading(cpu=read_cpu_times(), mhz=_cpu_mhz(), gpu=gpu)


def read_cpu_times(stat: Path = _STAT) -> CpuTimes | None:
    """CPU time so far; None where the system has no /proc/stat."""
    try:
        fields = stat.read_text().split("\n", 1)[0].split()
    except OSError:
        return None
    if len(fields) < 9 or fields[0] != "cpu":
        return None
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    user, nice, system, idle, iowait, irq, softirq, steal = (int(field) * tick_s for field in fields[1:9])
    busy = user + nice + system + irq + softirq
    return CpuTimes(busy, steal, busy + steal + idle + iowait, sum(os.times()[:4]))


def cpu_shares(before: CpuTimes | None, after: CpuTimes | None) -> tuple[float | None, float | None]:
    """Share of CPU time stolen and share used by other processes between two readings; None where unknown."""
    if before is None or after is None or after.total_s <= before.total_s:
        return None, None
    total = after.total_s - before.total_s
    other = (after.busy_s - before.busy_s) - (after.own_s - before.own_s)
    # The kernel counts ticks and this process's time separately; over a short region they may disagree by a tick.
    return max(0.0, (after.steal_s - before.steal_s) / total), min(1.0, max(0.0, other / total))


def _load_1min() -> float | None:
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def _cpu_mhz() -> float | None:
    import psutil

    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError):
        return None
    return float(frequency.current) if frequency and frequency.current else None
