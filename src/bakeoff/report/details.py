"""What is known of one target beside its row: its clocks, its engine, and the evidence for its numbers."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.artifacts.build import BuildRecord, Partition
from bakeoff.artifacts.collected import Row, TargetResult
from bakeoff.artifacts.profile import Layer
from bakeoff.artifacts.timing import TimingRecord
from bakeoff.backends.torch_tensorrt.graph_cut import fallback_words
from bakeoff.collect.gpu import gpu_readings, mean_power_w
from bakeoff.core.cell import Cell
from bakeoff.core.formats import (
    MS,
    format_bytes,
    format_estimate,
    format_ms,
    format_number,
    format_rate,
    format_ratio,
)
from bakeoff.report.facts import Facts
from bakeoff.report.limits import SET_BY

TOP_LAYERS = 12
"""Layers listed a target; the rest is summed up in one line."""
TOP_TARGETS = 200
"""Targets shown in detail: beyond this only the ranked ones nearest the top."""

_THIN = "\u202f"
HELD = {True: "yes", False: "no", None: "unknown: the engine does not tell"}


@dataclass(frozen=True)
class Detail:
    """What is known of one target beside its row."""

    number: int
    """The target's place in the comparison, which names it in links."""
    target: TargetResult
    groups: list[tuple[str, Facts]]
    layers: list[Layer]
    """The slowest first."""


def numbers_in_detail(targets: Sequence[TargetResult]) -> set[int]:
    """The places of the targets that are shown in detail.

    Those of which something is known; of a large study the fastest ranked of each question come before the others.

    Args:
        targets: All of the study, in the order of the report.
    """
    known = [place for place, target in enumerate(targets) if _has_details(target)]
    if len(known) <= TOP_TARGETS:
        return set(known)
    seen: Counter[Cell] = Counter()
    order = []
    for place in known:
        question = Cell.of(targets[place].row).question
        seen[question] += 1
        order.append((not targets[place].ranked, seen[question], place))
    return {place for *_, place in sorted(order)[:TOP_TARGETS]}


def detail_of(targets: Sequence[TargetResult], number: int) -> Detail:
    """What is known of the target at a place."""
    target = targets[number]
    layers = sorted(target.profile.layers if target.profile else [], key=lambda layer: -layer.time_ms.median)
    return Detail(number, target, details_of(target), layers)


def _has_details(target: TargetResult) -> bool:
    return bool(details_of(target)) or (target.profile is not None and bool(target.profile.layers))


def details_of(target: TargetResult) -> list[tuple[str, Facts]]:
    """Groups of facts, each with its heading; a group of which nothing is known is left out."""
    rounds = [record for record in target.rounds if record.ok]
    groups = [
        ("Times", time_facts(target.row, rounds)),
        ("Limit of the hardware", limit_facts(target.row)),
        ("Engine", engine_facts(target.build)),
        ("GPU while it was timed", gpu_facts(rounds)),
        ("Machine while it was timed", machine_facts(rounds)),
    ]
    return [(heading, facts) for heading, facts in groups if facts]


def time_facts(row: Row, rounds: Sequence[TimingRecord]) -> Facts:
    """The clocks of a timed target side by side."""
    if row.latency_ms is None:
        return []
    latency = format_estimate(row.latency_ms, row.latency_ci_low_ms, row.latency_ci_high_ms, MS)
    facts: Facts = [("Median latency", latency)]
    medians = [format_number(record.latency_ms.median) for record in rounds if record.latency_ms]
    if len(medians) > 1:
        facts.append(("Medians of rounds", f"{', '.join(medians)}{_THIN}ms"))
    if row.p99_ms is not None:
        facts.append(("99th percentile", format_ms(row.p99_ms) + _p99_ends(row)))
    if row.device_ms is not None:
        share = f"{100 * row.device_ms / row.latency_ms:.0f} % of the latency"
        facts.append(("Device time", f"{format_ms(row.device_ms)} by the GPU's events, {share}"))
    if row.dispatch_ms:
        ratio = format_ratio(row.latency_ms / row.dispatch_ms)
        facts.append(("Dispatch", f"the call returns after {format_ms(row.dispatch_ms)}; the latency is {ratio} that"))
    if row.mean_ms and row.iterations_per_s:
        inverse = f"{format_rate(row.iterations_per_s)} iterations/s (1000 over it)"
        facts.append(("Mean latency", f"{format_ms(row.mean_ms)}, {inverse}"))
    if row.items_per_s:
        per_batch = format_ms(1e3 * row.batch_size / row.items_per_s)
        rate = format_estimate(row.items_per_s, row.items_per_s_ci_low, row.items_per_s_ci_high, f"{_THIN}images/s")
        facts.append(("Pipelined throughput", f"{rate}, {per_batch} a batch back to back"))
    for name, pinned, pageable in (
        ("Copy to the GPU", row.h2d_ms, row.pageable_h2d_ms),
        ("Copy from the GPU", row.d2h_ms, row.pageable_d2h_ms),
    ):
        known = [(pinned, "pinned"), (pageable, "pageable memory")]
        words = [f"{format_ms(value)} {memory}" for value, memory in known if value is not None]
        if words:
            facts.append((name, ", ".join(words)))
    timed = sum(record.latency_ms.n for record in rounds if record.latency_ms)
    warming = sum(record.warmup.n for record in rounds if record.warmup)
    facts.append(("Inferences timed", f"{timed} in {len(rounds)} rounds, after {warming} to warm up"))
    return facts


def _p99_ends(row: Row) -> str:
    """Its interval in words, which has no upper end where the samples do not bound it."""
    if row.p99_ci_low_ms is None:
        return ""
    if row.p99_ci_high_ms is None:
        return f" [{format_number(row.p99_ci_low_ms)} or more: too few samples to bound it above]"
    return f" [{format_number(row.p99_ci_low_ms)}–{format_number(row.p99_ci_high_ms)}]"


def limit_facts(row: Row) -> Facts:
    """How close a target comes to what the device can do; nothing where that is not known."""
    if row.limit_ms is None or row.bound is None:
        return []
    facts: Facts = [("Shortest time", f"{format_ms(row.limit_ms)}, set by {SET_BY[row.bound]}")]
    if row.share_of_limit is not None:
        facts.append(("Share reached", f"{100 * row.share_of_limit:.1f} %"))
    return facts


def engine_facts(build: BuildRecord | None) -> Facts:
    """What the engine is and what is in it; nothing where it was not built."""
    if build is None or not build.ok:
        return []
    facts: Facts = []
    if build.batch is not None:
        b = build.batch
        fixed = b.min == b.max
        facts.append(("Batch sizes", f"{b.min} alone" if fixed else f"{b.min} to {b.max}, tuned for {b.opt}"))
    if build.layer_dtypes:
        layers = sorted(build.layer_dtypes.items(), key=lambda item: -item[1])
        facts.append(("Layers compute in", ", ".join(f"{dtype} ({n})" for dtype, n in layers)))
    precision = build.target.precision or "its precision"
    facts.append((f"Holds {precision}", HELD[build.holds_precision]))
    if build.calibration is not None:
        c = build.calibration
        facts.append(("Calibrated on", f"{c.n_inputs} inputs: {c.source} (sha256 {c.sha256[:12]})"))
        facts.append(("Calibration method", c.method))
    if build.partition is not None:
        facts += _partition_facts(build.partition)
    said = set(fallback_words(build.partition)) if build.partition else set()
    fallback = [words for words in build.fallback if words not in said]
    if fallback:
        facts.append(("Falls back", "; ".join(fallback)))
    if build.notes:
        facts.append(("Notes", " ".join(build.notes)))
    return facts


def _partition_facts(partition: Partition) -> Facts:
    cut = f"{partition.engines} engine{'s' if partition.engines != 1 else ''}"
    if partition.operators_per_engine:
        cut += f" of {', '.join(map(str, partition.operators_per_engine))} operators"
    left = ", ".join(f"{name} ({n}×)" for name, n in partition.operators_in_pytorch.items())
    facts: Facts = [("Graph cut into", cut), ("Left to PyTorch", left or "nothing")]
    if partition.smallest_min_block_size is not None:
        facts.append(("For one engine", f"min_block_size {partition.smallest_min_block_size} at least"))
    return facts


def gpu_facts(rounds: Sequence[TimingRecord]) -> Facts:
    """NVML's readings before and after the timed regions, as ranges over rounds; nothing without them."""
    evidence = [record.telemetry.gpu for record in rounds if record.telemetry and record.telemetry.gpu]
    if not evidence:
        return []
    names = dict.fromkeys(f"{gpu['name']}, number {gpu.get('index')}" for gpu in evidence if gpu.get("name"))
    facts: Facts = [("GPU", "; ".join(names))] if names else []
    for name, keys, unit in (
        ("SM clock", ("sm_mhz_before", "sm_mhz_after"), "MHz"),
        ("Memory clock", ("memory_mhz_before", "memory_mhz_after"), "MHz"),
        ("Temperature", ("temperature_c_before", "temperature_c_after"), "°C"),
        ("Power", ("power_w_before", "power_w_after"), "W"),
    ):
        words = _range(gpu_readings(rounds, *keys), unit)
        if words:
            facts.append((name, words))
    energy, watts = gpu_readings(rounds, "energy_j"), mean_power_w(rounds)
    if energy and watts:
        facts.append(("Energy", f"{_range(energy, 'J')} a round, {_range(watts, 'W')} on average"))
    reasons = [gpu["throttle_reasons"] for gpu in evidence if isinstance(gpu.get("throttle_reasons"), list)]
    slowed = Counter(str(reason).replace("_", " ") for found in reasons for reason in found)  # type: ignore[union-attr]
    if reasons:
        words = ", ".join(f"{reason} ({n} of {len(reasons)} rounds)" for reason, n in slowed.most_common())
        facts.append(("Slowed down by", words or "nothing"))
    others = gpu_readings(rounds, "other_processes")
    if others:
        facts.append(("Other processes", f"{max(others):.0f}"))
    used = gpu_readings(rounds, "memory_used_bytes")
    if used:
        facts.append(("GPU memory in use", format_bytes(max(used))))
    return facts


def machine_facts(rounds: Sequence[TimingRecord]) -> Facts:
    """Load of the machine around the timed regions; medians over rounds."""
    seen = [record.telemetry for record in rounds if record.telemetry]

    def median(name: str) -> float | None:
        values = [getattr(telemetry, name) for telemetry in seen if getattr(telemetry, name) is not None]
        return statistics.median(values) if values else None

    facts: Facts = []
    for name, key in (("Other processes", "other_cpu_share"), ("Stolen by the hypervisor", "steal_share")):
        share = median(key)
        if share is not None:
            facts.append((name, f"{100 * share:.1f} % of the CPU time"))
    load = median("load_1min")
    if load is not None:
        facts.append(("Load average", f"{load:.1f}"))
    clocks = _range([mhz for telemetry in seen if telemetry.cpu_mhz for mhz in telemetry.cpu_mhz], "MHz")
    if clocks:
        facts.append(("CPU clock", clocks))
    return facts


def _range(values: Sequence[float], unit: str) -> str:
    """`1755–1980 MHz`; one number where all are the same to the digits shown; nothing where there are none."""
    if not values:
        return ""
    low, high = (f"{value:.0f}" if value >= 10 else format_number(value) for value in (min(values), max(values)))
    return f"{low if low == high else f'{low}–{high}'}{_THIN}{unit}"
