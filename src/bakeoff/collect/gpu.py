"""What NVML said of a GPU around the timed regions of a target's rounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bakeoff.artifacts.timing import TimingRecord


def gpu_readings(rounds: Iterable[TimingRecord], *names: str) -> list[float]:
    """Every number that the rounds' NVML evidence has under one of these names."""
    evidence = [r.telemetry.gpu for r in rounds if r.telemetry and r.telemetry.gpu]
    values = [gpu.get(name) for gpu in evidence for name in names]
    return [float(value) for value in values if isinstance(value, int | float)]


def mean_power_w(rounds: Sequence[TimingRecord]) -> list[float]:
    """Energy over time in W, of the rounds that were long enough for the energy counter."""
    pairs = [(gpu_readings([r], "energy_j"), gpu_readings([r], "observed_s")) for r in rounds]
    return [energy[0] / seconds[0] for energy, seconds in pairs if energy and seconds and seconds[0] > 0]
