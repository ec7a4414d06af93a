"""What makes a number doubtful: data first, text last. Each code has a headline and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakeoff.artifacts.accuracy import REPEATABLE, AccuracyRecord
from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.timing import Telemetry, TimingRecord

if TYPE_CHECKING:
    import numpy as np


APART_DB = 15.0
"""Six times the error. What rounds differently (where products are accumulated, which convolutions take TF32) moved the
SQNR of sound engines by up to 12 dB on an H200; two whose outputs are wrong lay 16 and 19 dB behind."""


@dataclass(frozen=True)
class Explanation:
    """A warning in words."""

    headline: str
    what_to_do: str


WARNINGS: dict[str, Explanation] = {
    "precision-not-held": Explanation(
        "the engine does not compute in the precision asked for",
        "Compare it with the precision that its build record lists under layer_dtypes, or choose a backend that has "
        "this precision on this device.",
    ),
    "not-repeatable": Explanation(
        "run again on the same inputs, the engine gave other outputs",
        "Something in it depends on chance, as a race between kernels does: try another version of the library or "
        "another batch size, and do not ship it before the same input gives the same output.",
    ),
    "less-accurate": Explanation(
        f"the outputs agree at least {APART_DB:g} dB less with the reference than those of other backends at this "
        "precision",
        "Other backends show what the precision costs this model, so look for what else is wrong: try another version "
        "of the library, another batch size, or the layers one by one, before you ship it.",
    ),
    "not-steady": Explanation(
        "latency was still drifting when warm-up reached its limit",
        "Raise warmup.max_s, or let the machine cool and calm down.",
    ),
    "not-converged": Explanation(
        "timing reached timing.max_s before the interval of the median was as narrow as timing.ci_rel",
        "Raise timing.max_s, or run on a calmer machine; the interval shown is the one that was reached.",
    ),
    "few-samples": Explanation(
        "the median rests on few inferences",
        "Raise timing.max_s or timing.min_samples.",
    ),
    "bimodal": Explanation(
        "latency switches between two speeds, so the median may be either",
        "Look at the raw samples; fix clocks and thread placement, and stop other work on the machine.",
    ),
    "noisy-machine": Explanation(
        "other processes or the hypervisor took CPU time during timing",
        "Stop other work on the machine and run again.",
    ),
    "throttled": Explanation(
        "the GPU was slowed down by its power or temperature limit",
        "Improve cooling, or lower and lock its clocks so that every target meets the same speed.",
    ),
    "shared-gpu": Explanation(
        "other processes computed on the GPU during timing",
        "Stop them, or choose another GPU with `device: cuda:<index>`.",
    ),
    "waits-for-host": Explanation(
        "the GPU waited for the host: this is how fast its CPU enqueues work, which anything else on the host slows",
        "Use a label with `cuda_graph: true`, or a larger batch. With several GPUs, `snakemake --resources gpu=1` "
        "measures one target at a time.",
    ),
    "clock-resolution": Explanation(
        "an inference is so short that the call and the clock are a noticeable part of it",
        "Use a larger batch; read throughput instead of latency.",
    ),
    "rounds-disagree": Explanation(
        "fresh processes gave different latencies",
        "Raise timing.rounds; look for other load, changing clocks or memory placement.",
    ),
    "one-round": Explanation(
        "a single round: its interval does not contain the variation between processes",
        "Set timing.rounds to 2 or more before calling a difference one.",
    ),
}

OTHER_CPU_SHARE = 0.05
"""Share of the machine's CPU time used by other processes from which a machine counts as noisy."""
GPU_OTHER_CPU_SHARE = 0.5
"""The same on a GPU, where the host needs one core for it: the starts of the next targets are among the others."""
STEAL_SHARE = 0.02
"""Share stolen by the hypervisor from which a machine counts as noisy: it strikes while the target runs, so less of
it does more harm."""
FEW_SAMPLES = 20
"""With fewer samples than this, the 95 % interval reaches over half of the sample."""
SHORT_MS = 0.01
"""Reading the clock twice and calling run() costs about 0.1 µs: more than 1 % of anything shorter than this."""
HOST_BOUND = 0.7
"""The GPU waits for the host where its own time is less than this share of the latency and the call takes more."""
UNEVEN = 1.5
"""How much smaller than on average the reference's outputs for a timed batch may be, which makes their relative error
larger."""
ROUNDS_APART = 0.05
"""Largest round median over the smallest, less one, from which rounds disagree."""


def round_warnings(record: TimingRecord, samples_ms: np.ndarray | None = None) -> list[str]:
    """Codes for one round.

    Args:
        record: The round; fields that are None warn of nothing.
        samples_ms: Its latency samples, shape (n,), where they are at hand.
    """
    found = set()
    if record.warmup and not record.warmup.steady:
        found.add("not-steady")
    if record.converged is False:
        found.add("not-converged")
    if record.latency_ms and record.latency_ms.n < FEW_SAMPLES:
        found.add("few-samples")
    if record.latency_ms and record.latency_ms.median < SHORT_MS:
        found.add("clock-resolution")
    if _waits_for_host(record):
        found.add("waits-for-host")
    if samples_ms is not None:
        from bakeoff.measure.modes import is_bimodal

        if is_bimodal(samples_ms):
            found.add("bimodal")
    if record.telemetry:
        on_gpu = (record.device or "cpu") != "cpu"
        found |= _machine_warnings(record.telemetry, GPU_OTHER_CPU_SHARE if on_gpu else OTHER_CPU_SHARE)
    return in_order(found)


def target_warnings(
    rounds: Sequence[TimingRecord], build: BuildRecord | None, accuracy: AccuracyRecord | None = None
) -> list[str]:
    """Codes for one target: those of its rounds, and what only shows when its records are seen together."""
    found = {code for record in rounds for code in record.warnings}
    if build and build.holds_precision is False:
        found.add("precision-not-held")
    if accuracy and (accuracy.repeatable is False or not all(_answered_alike(record, accuracy) for record in rounds)):
        found.add("not-repeatable")
    medians = [record.latency_ms.median for record in rounds if record.latency_ms]
    if len(medians) == 1:
        found.add("one-round")
    if len(medians) > 1 and max(medians) > (1 + ROUNDS_APART) * min(medians):
        found.add("rounds-disagree")
    return in_order(found)


def in_order(codes: set[str]) -> list[str]:
    """Codes in the order of `WARNINGS`; any that it does not know come last, by name."""
    return [code for code in WARNINGS if code in codes] + sorted(codes - WARNINGS.keys())


def _answered_alike(record: TimingRecord, accuracy: AccuracyRecord) -> bool:
    """Whether the timed process can have answered as the one whose outputs were judged, as far as is known.

    All the error that was found on the check inputs may be in the few of a timed batch.
    """
    if record.outputs is None or accuracy.relative_l2 is None or accuracy.n_inputs is None:
        return True
    inputs = min(record.target.batch_size or 1, accuracy.n_inputs)
    limit = max(REPEATABLE, UNEVEN * math.sqrt(accuracy.n_inputs / inputs) * accuracy.relative_l2)
    return record.outputs.relative_l2 is not None and record.outputs.relative_l2 <= limit


def _waits_for_host(record: TimingRecord) -> bool:
    if record.latency_ms is None or record.device_ms is None or record.dispatch_ms is None:
        return False
    limit_ms = HOST_BOUND * record.latency_ms.median
    return record.device_ms.median < limit_ms < record.dispatch_ms


def _machine_warnings(telemetry: Telemetry, other_cpu_share: float) -> set[str]:
    found = set()
    if (telemetry.other_cpu_share or 0) > other_cpu_share or (telemetry.steal_share or 0) > STEAL_SHARE:
        found.add("noisy-machine")
    gpu = telemetry.gpu or {}
    if gpu.get("throttle_reasons"):
        found.add("throttled")
    others = gpu.get("other_processes")
    if isinstance(others, int) and others > 0:
        found.add("shared-gpu")
    return found
