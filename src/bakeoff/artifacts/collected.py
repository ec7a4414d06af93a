"""collected.json: everything the report shows; and the rows of results.csv."""

from typing import Any, Literal

from bakeoff.artifacts.accuracy import AccuracyRecord, ReferenceRecord
from bakeoff.artifacts.base import Part, Record, Status, schema_field
from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.environment import EnvironmentRecord
from bakeoff.artifacts.profile import ProfileRecord
from bakeoff.artifacts.timing import TimingRecord
from bakeoff.precision import Precision


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
    """Median over rounds of the rounds' median latencies."""
    latency_ci_low_ms: float | None = None
    latency_ci_high_ms: float | None = None
    """95 % confidence interval over rounds (fresh processes), not only within one."""
    p99_ms: float | None = None
    """Over the samples of all rounds together; null unless there are at least 1000."""
    items_per_s: float | None = None
    iterations_per_s: float | None = None
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


class Answer(Part):
    """The answer for one model at one batch size."""

    model: str
    batch_size: int
    best: str | None
    """`label/precision` of the fastest ranked target; null where none could be ranked."""
    ties: list[str] = []
    """`label/precision` of targets whose difference from the best the intervals do not show."""
    words: str
    """The answer in one sentence."""


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
    targets: list[TargetResult]
    made: str
    """When the results were collected (UTC, ISO 8601)."""
