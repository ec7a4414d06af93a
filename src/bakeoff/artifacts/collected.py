"""collected.json: everything the report shows; and the rows of results.csv."""

from typing import Any, Literal

from bakeoff.artifacts.accuracy import AccuracyRecord, ReferenceRecord
from bakeoff.artifacts.base import Part, Record, Status, schema_field
from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.environment import EnvironmentRecord
from bakeoff.artifacts.profile import ProfileRecord
from bakeoff.artifacts.timing import TimingRecord
from bakeoff.core.cell import Cell
from bakeoff.core.precision import Precision

Bound = Literal["compute", "memory"]


class Row(Part):
    """One target: a row of results.csv, whose columns are these fields in this order."""

    model: str
    backend: str
    precision: Precision
    batch_size: int
    device: str
    status: Status
    reason: str | None = None
    latency_ms: float | None = None
    """Geometric mean over rounds of the rounds' median latencies."""
    latency_ci_low_ms: float | None = None
    latency_ci_high_ms: float | None = None
    """95 % confidence interval over rounds (fresh processes), not only within one."""
    p99_ms: float | None = None
    """Of a process of typical speed: latency_ms times the 99th percentile, over the samples of all rounds, of latency
    over its own round's median; null unless there are at least 1000 samples."""
    items_per_s: float | None = None
    """Pipelined throughput: items (not batches) a second, enqueued back to back; geometric mean over rounds."""
    iterations_per_s: float | None = None
    """1000 over mean_ms: inferences of the whole batch a second, one at a time."""
    speedup: float | None = None
    """Against the baseline at the same model and batch size."""
    speedup_ci_low: float | None = None
    speedup_ci_high: float | None = None
    sqnr_db: float | None = None
    """Null also where the outputs are bit-identical to the reference."""
    max_abs: float | None = None
    top1_agreement: float | None = None
    accuracy_passed: bool | None = None
    build_s: float | None = None
    load_s: float | None = None
    first_ms: float | None = None
    engine_bytes: int | None = None
    device_peak_bytes: int | None = None
    warnings: list[str] = []
    """Codes; joined by ';' in the CSV."""
    device_ms: float | None = None
    """The device's own time for an inference, over rounds as latency_ms; null on a CPU, like the next five."""
    dispatch_ms: float | None = None
    """Median over rounds of the time until the call returns, not synchronised: never the speed of anything."""
    h2d_ms: float | None = None
    """Copy of all inputs to the device, from pinned host memory."""
    d2h_ms: float | None = None
    """Copy of all outputs back, to pinned host memory."""
    pageable_h2d_ms: float | None = None
    pageable_d2h_ms: float | None = None
    export_s: float | None = None
    warm_build_s: float | None = None
    """A second build that found the caches of the first; build_s is always from empty ones."""
    import_s: float | None = None
    """Import of the backend's library in a fresh process; median over rounds, like load_s and first_ms."""
    host_peak_bytes: int | None = None
    """Largest peak resident set of the rounds' processes."""
    holds_precision: bool | None = None
    """Whether the engine computes in the precision asked for; null where it cannot say."""
    dynamic_batch: bool | None = None
    """Whether the engine serves several batch sizes."""
    gpu_sm_mhz: float | None = None
    """Lowest SM clock that NVML gave right after timing, over rounds."""
    gpu_temperature_c: float | None = None
    """Highest temperature after timing."""
    gpu_power_w: float | None = None
    """Median power: by the energy counter where a round was long enough, else as read right after timing."""
    limit_ms: float | None = None
    """Shortest time that the model's least work can take at the rates measured on the device; null where the work or
    a rate is not known."""
    share_of_limit: float | None = None
    """limit_ms over device_ms, or over latency_ms where that is null."""
    bound: Bound | None = None
    """What sets limit_ms: operations (`compute`) or bytes moved (`memory`)."""
    mean_ms: float | None = None
    """Geometric mean over rounds of the rounds' mean latencies."""
    items_per_s_ci_low: float | None = None
    """95 % confidence interval of items_per_s over rounds; null where nothing tells what it varies by (one round of an
    old record, which has no segments)."""
    items_per_s_ci_high: float | None = None
    p99_ci_low_ms: float | None = None
    """95 % confidence interval of p99_ms; never below latency_ms."""
    p99_ci_high_ms: float | None = None
    """Null with p99_ci_low_ms given: too few samples lie beyond p99_ms to bound it above, so it may be longer by any
    amount. It takes at least 10,000 samples over all rounds."""
    measured_at: str | None = None
    """When its first round began to be measured (UTC, ISO 8601); null in records made before this was stored."""
    session: str | None = None
    """The sessions that its rounds were measured in, joined by spaces; null in records made before this was stored."""
    top1_accuracy: float | None = None
    """Share of labelled inputs whose highest score is their class; null, like the next six, without labels."""
    top1_accuracy_ci_low: float | None = None
    """95 % interval of Wilson."""
    top1_accuracy_ci_high: float | None = None
    n_labelled: int | None = None
    top1_drop: float | None = None
    """How much less of them are right than with the reference, as a fraction."""
    top1_drop_ci_low: float | None = None
    top1_drop_ci_high: float | None = None
    worst_output: str | None = None
    """The output that is nearest to its limits, or farthest beyond them; null for a model with one output."""

    @property
    def cell(self) -> Cell:
        """The key of the target."""
        return Cell.of(self)


class Interval(Part):
    """An estimate with its 95 % confidence interval."""

    value: float
    low: float
    high: float

    @property
    def differs_from_one(self) -> bool:
        """Whether a ratio may be called a difference."""
        return not self.low <= 1 <= self.high


class TargetResult(Part):
    """All that is known of one target."""

    row: Row
    speedups: dict[str, Interval] = {}
    """Against each `label/precision` of the speed-up columns, at the same model and batch size."""
    ranked: bool = False
    """Whether it may be ranked: timed, accuracy passed, engine holds its precision."""
    unranked_reason: str | None = None
    build: BuildRecord | None = None
    accuracy: AccuracyRecord | None = None
    profile: ProfileRecord | None = None
    rounds: list[TimingRecord] = []


class NotToldApart(Part):
    """A target of which it is not sure whether it is slower than the best."""

    target: str
    """`label/precision`."""
    slower_at_most: float
    """Upper end of its latency over that of the best: 1.12 is at most 12 % slower. It holds, with 95 % confidence, for
    all targets of the answer at once."""


class Answer(Part):
    """The answer for one model at one batch size."""

    model: str
    batch_size: int
    best: str | None
    """`label/precision` of the fastest ranked target; null where none could be ranked, or the machine was too busy."""
    ties: list[str] = []
    """`label/precision` of targets that are not surely slower than the best: those of the next two."""
    alike: list[str] = []
    """Those that are surely less than the study's margin away from the best."""
    not_told_apart: list[NotToldApart] = []
    """Those that may be slower by more than the margin, and may be as fast."""
    too_busy: bool = False
    """Whether so many rounds were disturbed, or its speed changed so much by itself, that no best is named."""
    candidates: list[str] = []
    """Where the machine was too busy: those that may be the best, by latency."""
    words: str
    """The answer in one sentence."""


class PublishedRatio(Part):
    """A figure that somebody published, and how its ratio to another one compares with what was measured here."""

    model: str
    backend: str
    precision: str
    batch_size: int
    name: str
    """What the source calls it."""
    published: float
    """In the unit of the study's `published` section."""
    published_ratio: float
    """How many times as fast as the figure that all are compared with."""
    ratio: Interval | None = None
    """The same here, by latency; null where one of the two was not timed, and for what all are compared with."""
    is_against: bool = False
    """Whether it is what all are compared with."""


class DynamicCost(Part):
    """What one engine for all batch sizes costs at one of them, against an engine of that size."""

    model: str
    precision: Precision
    batch_size: int
    dynamic: str
    """Label of the backend with the dynamic engine."""
    fixed: str
    """Label of the backend with an engine for each size, whose other options are the same."""
    latency: Interval
    """Latency of the dynamic engine over that of the fixed one, paired by round: 1.05 is 5 % slower."""
    dynamic_build_s: float | None = None
    fixed_build_s: float | None = None
    """All the engines of fixed size together."""
    dynamic_engine_bytes: int | None = None
    fixed_engine_bytes: int | None = None
    """All the engines of fixed size together."""


class BackendSummary(Part):
    """A backend of the study."""

    kind: str
    summary: str
    options: dict[str, Any]


class Collected(Record):
    """The results of a study; the report is a function of this file alone."""

    schema_: Literal["bakeoff/collected/1"] = schema_field("bakeoff/collected/1")
    title: str
    baseline: str
    """`label/precision`."""
    speedup_against: list[str]
    """`label/precision` of each speed-up column, the baseline first."""
    environment: EnvironmentRecord
    settings: dict[str, Any]
    """The study's configuration as it was run, defaults filled in."""
    models: dict[str, ReferenceRecord]
    backends: dict[str, BackendSummary]
    answers: list[Answer]
    published: list[PublishedRatio] = []
    """Figures of others beside ours, in the order of the config."""
    dynamic_costs: list[DynamicCost] = []
    """One for each model, precision and batch size of two labels that differ in `dynamic_batch` alone."""
    targets: list[TargetResult]
    made: str
    """When the results were collected (UTC, ISO 8601)."""
