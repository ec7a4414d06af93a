"""Readings of an NVIDIA GPU through NVML."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    """A GPU at one moment; None for what this GPU or driver does not tell."""

    time_s: float
    sm_mhz: int | None
    memory_mhz: int | None
    temperature_c: int | None
    power_w: float | None
    energy_j: float | None
    """Since the driver was loaded."""
    throttle: tuple[str, ...] | None
    other_processes: int | None
    """Processes other than this one that compute on it."""
    memory_used_bytes: int | None


def read_gpu(device: str) -> GpuReading | None:
    """Read the GPU behind `cuda:<index>`; None where NVML or the GPU is not there."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        handle = _handle(pynvml, int(device.removeprefix("cuda:")))

        def ask(question: Callable[..., Any], *arguments: Any) -> Any:
            try:
                return question(handle, *arguments)
            except pynvml.NVMLError:
                return None

        power_mw = ask(pynvml.nvmlDeviceGetPowerUsage)
        energy_mj = ask(pynvml.nvmlDeviceGetTotalEnergyConsumption)
        reasons = ask(pynvml.nvmlDeviceGetCurrentClocksEventReasons)
        processes = ask(pynvml.nvmlDeviceGetComputeRunningProcesses)
        memory = ask(pynvml.nvmlDeviceGetMemoryInfo)
        return GpuReading(
            time_s=time.monotonic(),
            sm_mhz=ask(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_SM),
            memory_mhz=ask(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_MEM),
            temperature_c=ask(pynvml.nvmlDeviceGetTemperature, pynvml.NVML_TEMPERATURE_GPU),
            power_w=None if power_mw is None else power_mw / 1e3,
            energy_j=None if energy_mj is None else energy_mj / 1e3,
            throttle=None if reasons is None else throttle_names(reasons),
            other_processes=None if processes is None else sum(p.pid != os.getpid() for p in processes),
            memory_used_bytes=None if memory is None else int(memory.used),
        )
    except pynvml.NVMLError:
        return None
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def throttle_names(reasons: int) -> tuple[str, ...]:
    """Names of the reasons in a bit mask that slow the GPU down."""
    return tuple(name for bit, name in THROTTLE_BITS.items() if reasons & bit)


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
    others = [r.other_processes for r in (before, after) if r.other_processes is not None]
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
        "other_processes": max(others) if others else None,
        "memory_used_bytes": after.memory_used_bytes,
    }


def _handle(pynvml: Any, index: int) -> Any:
    """NVML's handle of CUDA device `index`: CUDA counts the visible devices only, NVML counts all."""
    visible = [part.strip() for part in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part.strip()]
    name = visible[index] if index < len(visible) else str(index)
    return pynvml.nvmlDeviceGetHandleByIndex(int(name)) if name.isdigit() else pynvml.nvmlDeviceGetHandleByUUID(name)
