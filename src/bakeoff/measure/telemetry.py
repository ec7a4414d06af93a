"""The state of the machine around the timed region: evidence beside each number. Nothing is read inside the region.

What others took of the CPUs is told by `bakeoff.measure.cpu_counters`.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from bakeoff.artifacts.timing import Telemetry
from bakeoff.devices.nvml import GpuProbe, GpuReading, gpu_evidence
from bakeoff.measure.cpu_counters import Counters, read_counters, taken


@dataclass(frozen=True)
class Reading:
    """The machine at one moment."""

    time_s: float
    counters: Counters | None
    mhz: float | None
    gpu: GpuReading | None


class Observer:
    """Reads the machine before and after a timed region. NVML is opened here, before anything is timed."""

    def __init__(self, device: str) -> None:
        self.gpu = None if device == "cpu" else GpuProbe(device)
        can_tell = hasattr(os, "sched_getaffinity")
        self.cpus: frozenset[int] = frozenset(os.sched_getaffinity(0)) if can_tell else frozenset()
        """The CPUs that the timed process uses."""
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
        steal, other = cpu_shares(before.counters, after.counters)
        of_cpus = taken(before.counters, after.counters, self.cpus, after.time_s - before.time_s)
        return Telemetry(
            load_1min=self._load_1min,
            steal_share=steal,
            other_cpu_share=other,
            cpus=sorted(self.cpus) if of_cpus else None,
            steal_cores=of_cpus and of_cpus.steal_cores,
            other_cores=of_cpus and of_cpus.other_cores,
            waited_cores=of_cpus and of_cpus.waited_cores,
            cpu_mhz=(before.mhz, after.mhz) if before.mhz is not None and after.mhz is not None else None,
            gpu=self._gpu_evidence(before, after),
        )

    def _gpu_evidence(self, before: Reading, after: Reading) -> dict[str, float | int | str | list[str] | None] | None:
        evidence = gpu_evidence(before.gpu, after.gpu)
        return {**self.gpu.identity(), **evidence} if self.gpu and evidence else None

    def _read(self) -> Reading:
        # The GPU first: it begins to idle, and to lower its clocks, as soon as the region ends.
        gpu = self.gpu.read() if self.gpu else None
        return Reading(time_s=time.monotonic(), counters=read_counters(), mhz=_cpu_mhz(), gpu=gpu)


def cpu_shares(before: Counters | None, after: Counters | None) -> tuple[float | None, float | None]:
    """Share of the machine's CPU time stolen and share used by other processes; None where unknown."""
    if before is None or after is None or after.machine.total_s <= before.machine.total_s:
        return None, None
    passed = after.machine.since(before.machine)
    # The kernel counts ticks and this process's time separately; over a short region they may disagree by a tick.
    other = passed.busy_s - (after.own_s - before.own_s)
    return max(0.0, passed.steal_s / passed.total_s), min(1.0, max(0.0, other / passed.total_s))


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
