"""One target's records to its status, its row and whether it may be ranked."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bakeoff.accuracy.doubts import APART_DB
from bakeoff.artifacts.accuracy import AccuracyRecord
from bakeoff.artifacts.base import Status
from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.collected import Interval, Row, TargetResult
from bakeoff.artifacts.plan import PlannedTarget
from bakeoff.artifacts.profile import ProfileRecord
from bakeoff.artifacts.timing import Distribution, TimingRecord
from bakeoff.collect.estimate import Estimate
from bakeoff.collect.files import files_of
from bakeoff.collect.gpu import gpu_readings, mean_power_w
from bakeoff.collect.peers import less_accurate
from bakeoff.collect.records import Reader
from bakeoff.collect.rounds import latency_samples, with_warnings
from bakeoff.collect.tail_interval import p99_interval
from bakeoff.collect.warnings.rules import target_warnings
from bakeoff.config.study import Study
from bakeoff.core.cell import Cell
from bakeoff.core.quantiles import has_tail


@dataclass(frozen=True)
class TargetRecords:
    """What was read of one target; None where nothing was to be read."""

    planned: PlannedTarget
    build: BuildRecord | None = None
    accuracy: AccuracyRecord | None = None
    profile: ProfileRecord | None = None
    rounds: list[TimingRecord] = field(default_factory=list)
    timing: list[str] = field(default_factory=list)
    """Path of each round's record."""
    less_accurate: bool = False
    """Whether its outputs are much farther off than those of other backends (`bakeoff.collect.peers`)."""

    @property
    def timed(self) -> bool:
        """Whether every round was timed."""
        return bool(self.rounds) and all(record.ok for record in self.rounds)

    def latencies(self) -> list[Distribution]:
        """The rounds' latency distributions, of a timed target."""
        return [record.latency_ms for record in self.rounds if record.latency_ms]

    def status(self) -> tuple[Status, str | None]:
        """Status and, unless ok, the reason in one line.

        `unsupported`: known at planning time that it cannot be built or run here. `blocked`: its export or build
        failed, so it was never timed. `failed`: a round or the accuracy check failed or left no sound record. A
        profile that failed leaves the target ok.
        """
        planned = self.planned
        if planned.cannot_build:
            return "unsupported", planned.cannot_build
        build = self.build
        if build and not build.ok:
            # A record that cannot be read is this target's own failure; a build that failed is not.
            return "failed" if build.error_type == "damaged" else "blocked", build.reason
        if planned.cannot_run:
            return "unsupported", planned.cannot_run
        for number, record in enumerate(self.rounds, 1):
            if not record.ok:
                return "failed", f"timing, round {number}: {record.reason}"
        if not self.rounds:
            return "failed", "it was never timed"
        if self.accuracy and not self.accuracy.ok:
            return "failed", f"accuracy check: {self.accuracy.reason}"
        return "ok", None

    def unranked_reason(self) -> str | None:
        """Why the target is left out of rankings and charts of speed-up, in words; None where it is ranked."""
        status, reason = self.status()
        if status != "ok":
            return reason
        if self.accuracy is None or self.accuracy.passed is None:
            return "its outputs were not checked against the reference"
        if not self.accuracy.passed:
            return "; ".join(["its outputs failed the accuracy check", *self.accuracy.failures])
        if self.build and self.build.holds_precision is False:
            dtypes = ", ".join(f"{n} in {dtype}" for dtype, n in self.build.layer_dtypes.items())
            return f"its engine does not hold {self.planned.cell.precision}" + (
                f" (layers: {dtypes})" if dtypes else ""
            )
        if self.less_accurate:
            return (
                f"its outputs agree at least {APART_DB:g} dB less with the reference than those of other backends at "
                f"{self.planned.cell.precision}"
            )
        return None


def read_targets(
    reader: Reader, study: Study, targets: Sequence[PlannedTarget], further: Mapping[Cell, Sequence[int]]
) -> list[TargetRecords]:
    """Read all records of all targets, and compare the targets' accuracy with each other.

    Args:
        reader: Reads them.
        study: The study.
        targets: The targets, in the order of the result.
        further: The numbers of each target's further rounds.
    """
    read = [read_target(reader, study, planned, further.get(planned.cell, [])) for planned in targets]
    kinds = {label: options.kind for label, options in study.backends.items()}
    sqnr_db = {
        records.planned.cell: records.accuracy.sqnr_db
        for records in read
        if records.unranked_reason() is None and records.accuracy and records.accuracy.sqnr_db is not None
    }
    behind = less_accurate(sqnr_db, kinds)
    return [replace(records, less_accurate=records.planned.cell in behind) for records in read]


def read_target(reader: Reader, study: Study, planned: PlannedTarget, further: Sequence[int] = ()) -> TargetRecords:
    """Read all records of a target that must be there; one that is missing or damaged is read as failed.

    Args:
        reader: Reads them.
        study: The study.
        planned: The target.
        further: The numbers of its further rounds.
    """
    if planned.cannot_build:
        return TargetRecords(planned)
    target, files = planned.cell, files_of(study, planned, further)
    build = reader.read(files.build, BuildRecord, target)
    if planned.cannot_run:
        return TargetRecords(planned, build)
    return TargetRecords(
        planned,
        build,
        reader.read(files.accuracy, AccuracyRecord, target),
        reader.read(files.profile, ProfileRecord, target) if files.profile else None,
        [
            with_warnings(reader.read_timing(path, target.at(round=number)), Path(path))
            for number, path in zip(files.rounds, files.timing, strict=True)
        ],
        files.timing,
    )


def target_result(
    records: TargetRecords,
    latency: Interval | None,
    throughput: Estimate | None,
    speedups: Mapping[str, Interval],
    baseline: str,
) -> TargetResult:
    """All that is known of one target.

    Args:
        records: What was read.
        latency: Over rounds, in milliseconds; None for a target that was not timed.
        throughput: Over rounds, in items per second; likewise. Its ends are None where nothing tells them.
        speedups: Against each `label/precision`; taken over for a ranked target only.
        baseline: The `label/precision` of the row's own speed-up.
    """
    planned, build, accuracy = records.planned, records.build, records.accuracy
    status, reason = records.status()
    unranked = records.unranked_reason()
    row = Row(
        **planned.cell.named("question", "contender"),
        device=planned.device,
        status=status,
        reason=reason,
        warnings=target_warnings(records.rounds, build, accuracy, less_accurate=records.less_accurate),
    )
    if build and build.ok:
        _take_over(row, build)
        row.dynamic_batch = build.batch.min != build.batch.max if build.batch else None
    if accuracy and accuracy.ok:
        _take_over(row, accuracy)
        row.accuracy_passed = accuracy.passed
        if against := accuracy.against_reference:
            row.top1_drop, row.top1_drop_ci_low = against.drop, against.drop_ci_low
            row.top1_drop_ci_high = against.drop_ci_high
    if latency and records.timed:
        _fill_timing(row, records, latency, throughput)
    kept = dict(speedups) if unranked is None else {}
    if baseline in kept:
        speedup = kept[baseline]
        row.speedup, row.speedup_ci_low, row.speedup_ci_high = speedup.value, speedup.low, speedup.high
    return TargetResult(
        row=row,
        speedups=kept,
        ranked=unranked is None,
        unranked_reason=unranked,
        build=build,
        accuracy=accuracy,
        profile=records.profile,
        rounds=records.rounds,
    )


def _take_over(row: Row, record: BuildRecord | AccuracyRecord) -> None:
    """Fill the columns of the row that a record has under the same name."""
    for name in Row.model_fields.keys() & type(record).model_fields.keys() - row.model_fields_set:
        setattr(row, name, getattr(record, name))


def _fill_timing(row: Row, records: TargetRecords, latency: Interval, throughput: Estimate | None) -> None:
    rounds = records.rounds
    row.latency_ms, row.latency_ci_low_ms, row.latency_ci_high_ms = latency.value, latency.low, latency.high
    _fill_p99(row, records, latency)
    row.mean_ms = statistics.geometric_mean(r.latency_ms.mean for r in rounds if r.latency_ms)
    row.iterations_per_s = 1000 / row.mean_ms
    if throughput:
        row.items_per_s = throughput.value
        row.items_per_s_ci_low, row.items_per_s_ci_high = throughput.low, throughput.high
    begun = sorted(r.begun for r in rounds if r.begun)
    row.measured_at = begun[0] if begun else None
    row.session = " ".join(dict.fromkeys(r.session for r in rounds if r.session)) or None
    row.device = " ".join(dict.fromkeys(r.device for r in rounds if r.device)) or row.device
    row.load_s = statistics.median(r.cold.load_s for r in rounds if r.cold)
    row.first_ms = statistics.median(r.cold.first_ms for r in rounds if r.cold)
    row.import_s = _median(r.cold.import_s for r in rounds if r.cold)
    peaks = [r.memory.device_peak_bytes for r in rounds if r.memory and r.memory.device_peak_bytes is not None]
    row.device_peak_bytes = max(peaks, default=None)
    row.host_peak_bytes = max((r.memory.host_rss_bytes for r in rounds if r.memory), default=None)
    _fill_gpu(row, rounds)


def _fill_gpu(row: Row, rounds: Sequence[TimingRecord]) -> None:
    """What only a GPU has; all null on a CPU."""
    medians = [r.device_ms.median for r in rounds if r.device_ms]
    row.device_ms = statistics.geometric_mean(medians) if medians else None
    row.dispatch_ms = _median(r.dispatch_ms for r in rounds)
    for name in ("h2d_ms", "d2h_ms", "pageable_h2d_ms", "pageable_d2h_ms"):
        setattr(row, name, _median(getattr(r.transfer, name) for r in rounds if r.transfer))
    row.gpu_sm_mhz = min(gpu_readings(rounds, "sm_mhz_after"), default=None)
    row.gpu_temperature_c = max(gpu_readings(rounds, "temperature_c_after"), default=None)
    row.gpu_power_w = _median(mean_power_w(rounds) or gpu_readings(rounds, "power_w_after"))


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _fill_p99(row: Row, records: TargetRecords, latency: Interval) -> None:
    """p99 over rounds, with its interval; null where the samples are too few for it."""
    if not has_tail(sum(distribution.n for distribution in records.latencies()), 99):
        return
    rounds = zip(records.rounds, records.timing, strict=True)
    p99 = p99_interval(latency, [latency_samples(record, Path(path)) for record, path in rounds])
    if p99:
        row.p99_ms, row.p99_ci_low_ms, row.p99_ci_high_ms = p99.value, p99.low, p99.high
