"""The rules that turn the facts of records into warning codes."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.accuracy.doubts import answered_alike, is_repeatable
from bakeoff.artifacts.accuracy import AccuracyRecord
from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.timing import Telemetry, TimingRecord
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
    if waits_for_host(record):
        found.add("waits-for-host")
    if _is_bimodal(record):
        found.add("bimodal")
    if record.telemetry:
        on_gpu = (record.device or "cpu") != "cpu"
        found |= _machine_warnings(record.telemetry, on_gpu)
    return in_order(found)


def target_warnings(
    rounds: Sequence[TimingRecord], build: BuildRecord | None, accuracy: AccuracyRecord | None = None
) -> list[str]:
    """The codes of one target: those of its rounds, and those that only its records together show."""
    found = {code for record in rounds for code in round_warnings(record)}
    if build and build.holds_precision is False:
        found.add("precision-not-held")
    if accuracy and (is_repeatable(accuracy) is False or not all(answered_alike(r, accuracy) for r in rounds)):
        found.add("not-repeatable")
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


def _machine_warnings(telemetry: Telemetry, on_gpu: bool) -> set[str]:
    found = set()
    other_cpu_share = thresholds.GPU_OTHER_CPU_SHARE if on_gpu else thresholds.OTHER_CPU_SHARE
    busy = (telemetry.other_cpu_share or 0) > other_cpu_share
    if busy or (telemetry.steal_share or 0) > thresholds.STEAL_SHARE:
        found.add("noisy-machine")
    gpu = telemetry.gpu or {}
    if gpu.get("throttle_reasons"):
        found.add("throttled")
    others = gpu.get("other_processes")
    if isinstance(others, int) and others > 0:
        found.add("shared-gpu")
    return found
