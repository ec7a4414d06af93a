"""Readings of an NVIDIA GPU through NVML."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.core.visible_gpus import visible_handles

ENERGY_MIN_S = 1.0
"""The energy counter advances every 20 to 100 ms: over less than this it says little."""

THROTTLE_BITS = {
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake",
}
"""Bits of nvmlDeviceGetCurrentClocksEventReasons that slow a GPU down (nvml.h: nvmlClocksEventReason...). Idling and
clocks that the user set are not among them."""


@dataclass(frozen=True)
class GpuReading:
    """A GPU at one moment. A field is None where the GPU, its driver or the virtual machine does not tell it."""

    time_s: float
    sm_mhz: int | None
    memory_mhz: int | None
    temperature_c: int | None
    power_w: float | None
    energy_j: float | None
    """Energy used since the driver was loaded, in joules."""
    throttle: tuple[str, ...] | None
    other_processes: int | None
    """Processes other than this one and its children that compute on it."""
    memory_used_bytes: int | None
    throttled_ms: float | None = None
    """Time since the driver was loaded for which the power or the heat limit lowered the clocks."""


class GpuProbe:
    """NVML's view of the GPU behind `cuda:<index>`, opened once, so that a reading is quick."""

    def __init__(self, device: str) -> None:
        self._nvml: Any = None
        self._handle: Any = None
        try:
            import pynvml
        except ImportError:
            return
        with contextlib.suppress(pynvml.NVMLError, ValueError, IndexError):
            pynvml.nvmlInit()
            self._nvml = pynvml
            self._handle = visible_handles(pynvml)[int(device.removeprefix("cuda:"))]

    def identity(self) -> dict[str, int | str | None]:
        """Which GPU of the host it is: its number (in PCI order), name and UUID."""
        return {
            "index": self._ask("nvmlDeviceGetIndex"),
            "name": self._ask("nvmlDeviceGetName"),
            "uuid": self._ask("nvmlDeviceGetUUID"),
        }

    def read(self) -> GpuReading | None:
        """The GPU now; None where NVML or the GPU is not there."""
        if self._handle is None:
            return None
        # Clocks and throttling first: they change as soon as the GPU idles.
        sm_mhz = self._ask("nvmlDeviceGetClockInfo", self._nvml.NVML_CLOCK_SM)
        reasons = self._ask("nvmlDeviceGetCurrentClocksEventReasons")
        if reasons is None:  # its name before driver 535
            reasons = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons")
        power_mw = self._ask("nvmlDeviceGetPowerUsage")
        energy_mj = self._ask("nvmlDeviceGetTotalEnergyConsumption")
        time_s = time.monotonic()
        processes = self._ask("nvmlDeviceGetComputeRunningProcesses")
        memory = self._ask("nvmlDeviceGetMemoryInfo")
        return GpuReading(
            time_s=time_s,
            sm_mhz=sm_mhz,
            memory_mhz=self._ask("nvmlDeviceGetClockInfo", self._nvml.NVML_CLOCK_MEM),
            temperature_c=self._ask("nvmlDeviceGetTemperature", self._nvml.NVML_TEMPERATURE_GPU),
            power_w=None if power_mw is None else power_mw / 1e3,
            energy_j=None if energy_mj is None else energy_mj / 1e3,
            throttle=None if reasons is None else throttle_names(reasons),
            other_processes=None if processes is None else others([p.pid for p in processes], _own_processes()),
            memory_used_bytes=None if memory is None else int(memory.used),
            throttled_ms=self._throttled_ms(),
        )

    def _throttled_ms(self) -> float | None:
        """See GpuReading.throttled_ms. The counters' unit is nanoseconds (nvml.h, nvmlViolationTime_t)."""
        found = []
        for name in ("NVML_PERF_POLICY_POWER", "NVML_PERF_POLICY_THERMAL"):
            policy = getattr(self._nvml, name, None)
            status = None if policy is None else self._ask("nvmlDeviceGetViolationStatus", policy)
            if status is not None:
                found.append(status.violationTime / 1e6)
        return sum(found) if found else None

    def own_memory_bytes(self) -> int | None:
        """The GPU memory of this process as the driver counts it; None where it does not say, as in most containers."""
        for process in self._ask("nvmlDeviceGetComputeRunningProcesses") or []:
            if process.pid == os.getpid() and process.usedGpuMemory:
                return int(process.usedGpuMemory)
        return None

    def _ask(self, question: str, *arguments: Any) -> Any:
        """The answer, or None: each question may be refused, above all in a virtual machine."""
        function = getattr(self._nvml, question, None)
        if function is None or self._handle is None:
            return None
        try:
            return function(self._handle, *arguments)
        except self._nvml.NVMLError:
            return None


def throttle_names(reasons: int) -> tuple[str, ...]:
    """Names of the reasons in a bit mask that slow the GPU down."""
    return tuple(name for bit, name in THROTTLE_BITS.items() if reasons & bit)


def others(computing: Sequence[int], own: set[int]) -> int:
    """How many of the processes that compute on a GPU are not our own.

    In a container NVML may give ids of the host, among which our own cannot be found: then one of them is ours.

    Args:
        computing: Process ids as NVML gives them, taken while this process computes on the GPU.
        own: This process and its children.
    """
    strangers = sum(pid not in own for pid in computing)
    return strangers if strangers < len(computing) else max(0, strangers - 1)


def gpu_evidence(
    before: GpuReading | None, after: GpuReading | None
) -> dict[str, float | int | str | list[str] | None] | None:
    """What two readings say about the region between them; None where one is missing."""
    if before is None or after is None:
        return None
    seconds = after.time_s - before.time_s
    energy = None
    if before.energy_j is not None and after.energy_j is not None and seconds >= ENERGY_MIN_S:
        energy = after.energy_j - before.energy_j
    throttle = None
    if before.throttle is not None and after.throttle is not None:
        throttle = list(dict.fromkeys(before.throttle + after.throttle))
    throttled_ms = None
    if before.throttled_ms is not None and after.throttled_ms is not None:
        throttled_ms = after.throttled_ms - before.throttled_ms
    counts = [r.other_processes for r in (before, after) if r.other_processes is not None]
    return {
        "sm_mhz_before": before.sm_mhz,
        "sm_mhz_after": after.sm_mhz,
        "memory_mhz_before": before.memory_mhz,
        "memory_mhz_after": after.memory_mhz,
        "temperature_c_before": before.temperature_c,
        "temperature_c_after": after.temperature_c,
        "power_w_before": before.power_w,
        "power_w_after": after.power_w,
        "energy_j": energy,
        "observed_s": seconds,
        "throttle_reasons": throttle,
        "throttled_ms": throttled_ms,
        "other_processes": max(counts) if counts else None,
        "memory_used_bytes": after.memory_used_bytes,
    }


def _own_processes() -> set[int]:
    import psutil

    me = psutil.Process()
    return {me.pid, *(child.pid for child in me.children(recursive=True))}
