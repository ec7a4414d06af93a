"""The rules that turn the facts of records into warning codes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff.accuracy.doubts import answered_alike, is_repeatable
from bakeoff.artifacts.accuracy import AccuracyRecord
from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.timing import Drift, Level, Telemetry, TimingRecord
from bakeoff.collect.warnings import thresholds
from bakeoff.collect.warnings.codes import in_order


def round_warnings(record: TimingRecord) -> list[str]:
    """The codes of one round.

    They follow from the facts alone: codes that an older version stored in `warnings` are not looked at.

    Args:
        record: The round. A fact that is None raises no warning.
    """
    found = set()
    if record.warmup and not record.warmup.steady:
        found.add("not-steady")
    if record.converged is False:
        found.add("not-converged")
    if record.latency_ms and record.latency_ms.n < thresholds.FEW_SAMPLES:
        found.add("few-samples")
    if record.latency_ms and record.latency_ms.median < thresholds.SHORT_MS:
        found.add("clock-resolution")
    if record.drift and _drifts(record.drift):
        found.add("drifting")
    if waits_for_host(record):
        found.add("waits-for-host")
    if _is_bimodal(record):
        found.add("bimodal")
    if record.telemetry:
        on_gpu = (record.device or "cpu") != "cpu"
        found |= _machine_warnings(record.telemetry, on_gpu)
    return in_order(found)


def target_warnings(
    rounds: Sequence[TimingRecord],
    build: BuildRecord | None,
    accuracy: AccuracyRecord | None = None,
    *,
    less_accurate: bool = False,
) -> list[str]:
    """The codes of one target: those of its rounds, and those that only its records together show.

    Args:
        rounds: Its rounds.
        build: Its build.
        accuracy: Its accuracy check.
        less_accurate: Whether other backends agree much better with the reference.
    """
    found = {code for record in rounds for code in round_warnings(record)}
    if build and build.holds_precision is False:
        found.add("precision-not-held")
    if accuracy and (is_repeatable(accuracy) is False or not all(answered_alike(r, accuracy) for r in rounds)):
        found.add("not-repeatable")
    if less_accurate:
        found.add("less-accurate")
    if len([record for record in rounds if record.latency_ms]) == 1:
        found.add("one-round")
    if rounds_disagree(rounds):
        found.add("rounds-disagree")
    return in_order(found)


def rounds_disagree(rounds: Sequence[TimingRecord]) -> bool:
    """Whether fresh processes gave latencies that are too far apart."""
    medians = [record.latency_ms.median for record in rounds if record.latency_ms]
    return len(medians) > 1 and max(medians) > (1 + thresholds.ROUNDS_APART) * min(medians)


def waits_for_host(record: TimingRecord) -> bool:
    if record.latency_ms is None or record.device_ms is None or record.dispatch_ms is None:
        return False
    limit_ms = thresholds.HOST_BOUND * record.latency_ms.median
    return record.device_ms.median < limit_ms < record.dispatch_ms


def _is_bimodal(record: TimingRecord) -> bool:
    """Whether the two parts of the latency samples are two speeds, far apart and neither a mere tail."""
    modes = record.modes
    if modes is None or record.latency_ms is None or record.latency_ms.n < thresholds.BIMODAL_SAMPLES:
        return False
    apart = modes.ashman_d is None or modes.ashman_d > thresholds.BIMODAL_D
    return apart and modes.smaller_share >= thresholds.BIMODAL_SHARE and modes.gap_rel >= thresholds.BIMODAL_GAP


def _drifts(drift: Drift) -> bool:
    """Whether latency was at another level later than before, by more than chance explains and by enough to matter."""
    pairs = ((drift.warmup, drift.closing), (drift.first_half, drift.second_half))
    return any(before and after and _moved(before, after) for before, after in pairs)


def _moved(before: Level, after: Level) -> bool:
    noise_ms = math.hypot(*((level.ci95_ms[1] - level.ci95_ms[0]) / 2 for level in (before, after)))
    moved_ms = abs(after.median_ms - before.median_ms)
    return moved_ms > max(noise_ms, thresholds.DRIFT * before.median_ms)


def _machine_warnings(telemetry: Telemetry, on_gpu: bool) -> set[str]:
    found = set()
    if _is_noisy(telemetry, on_gpu):
        found.add("noisy-machine")
    gpu = telemetry.gpu or {}
    if _is_throttled(gpu):
        found.add("throttled")
    others = gpu.get("other_processes")
    if isinstance(others, int) and others > 0:
        found.add("shared-gpu")
    return found


def _is_noisy(telemetry: Telemetry, on_gpu: bool) -> bool:
    """Whether others took time from the CPUs in use; by shares of the machine in records that know no more."""
    if telemetry.other_cores is None:
        share = thresholds.GPU_OTHER_CPU_SHARE if on_gpu else thresholds.OTHER_CPU_SHARE
        return (telemetry.other_cpu_share or 0) > share or (telemetry.steal_share or 0) > thresholds.STEAL_SHARE
    cores = thresholds.GPU_OTHER_CORES if on_gpu else thresholds.OTHER_CORES
    return telemetry.other_cores > cores or (telemetry.steal_cores or 0) > thresholds.STEAL_CORES


def _is_throttled(gpu: Mapping[str, Any]) -> bool:
    """By how long it was slowed down during timing where the driver counts that, else by the moments around it."""
    throttled_ms, observed_s = gpu.get("throttled_ms"), gpu.get("observed_s")
    if isinstance(throttled_ms, int | float) and isinstance(observed_s, int | float) and observed_s > 0:
        return throttled_ms > thresholds.THROTTLED_SHARE * observed_s * 1e3
    return bool(gpu.get("throttle_reasons"))
