"""The schema of a study. Everything a config file may say is said here, once."""

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field, model_validator

from bakeoff.backends import KINDS, options_of
from bakeoff.backends.options import BackendOptions
from bakeoff.core.precision import Precision
from bakeoff.core.section import Name, PositiveFloat, Section
from bakeoff.models.spec import ModelSpec
from bakeoff.quantization.settings import Calibration

BatchSize = Annotated[int, Field(ge=1, le=65536)]

if TYPE_CHECKING:
    BackendEntry = BackendOptions
else:
    BackendEntry = Annotated[Union[tuple(options_of(kind) for kind in KINDS)], Field(discriminator="kind")]


class Batch(Section):
    """Batch sizes, and whether one engine serves them all."""

    sizes: Annotated[list[BatchSize], Field(min_length=1, max_length=64)] = [1]
    """Batch sizes to measure."""
    dynamic: bool = True
    """True: one export and one engine with a dynamic batch dimension (an optimization profile
    min/opt/max) for all sizes. False: an export and an engine for each size. A backend's `dynamic_batch` overrides
    it."""

    @model_validator(mode="after")
    def _distinct(self) -> "Batch":
        if len(set(self.sizes)) != len(self.sizes):
            raise ValueError(f"a batch size stands twice in {self.sizes}")
        return self


def _min_before_max(section: Any) -> Any:
    if section.min_s > section.max_s:
        raise ValueError(f"min_s ({section.min_s:g}) must not be greater than max_s ({section.max_s:g})")
    return section


class Warmup(Section):
    """Inferences before timing: until the running median stops drifting."""

    min_s: PositiveFloat = 0.3
    """Warm up for at least this many seconds."""
    max_s: PositiveFloat = 10.0
    """Stop warming up after this many seconds, steady or not (a target that is not steady gets a warning)."""

    _in_order = model_validator(mode="after")(_min_before_max)


class Timing(Section):
    """How long a target is timed, and how often."""

    rounds: Annotated[int, Field(ge=1, le=100)] = 3
    """Fresh processes that each load the engine and time it, interleaved over all targets."""
    ci_rel: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Stop a round when the 95 % confidence interval of the median is within this fraction of it."""
    min_s: PositiveFloat = 0.5
    """Time for at least this many seconds a round."""
    max_s: PositiveFloat = 3.0
    """Stop a round after this many seconds, converged or not (a target that is not gets a warning)."""
    min_samples: Annotated[int, Field(ge=5, le=1_000_000)] = 10
    """Never fewer samples than this a round, even past max_s."""
    throughput_s: PositiveFloat = 0.5
    """Seconds of back-to-back inferences for the throughput figure of a round."""

    _in_order = model_validator(mode="after")(_min_before_max)


class Tolerance(Section):
    """What an engine's outputs must meet to pass, against eager fp32. Left-out limits are not judged."""

    relative_l2: PositiveFloat | None = None
    """Largest relative L2 error."""
    sqnr_db: float | None = None
    """Smallest signal-to-quantization-noise ratio in dB."""
    max_abs: PositiveFloat | None = None
    """Largest absolute difference of any output element."""
    cosine: Annotated[float, Field(ge=-1, le=1)] | None = None
    """Smallest cosine similarity."""
    top1_agreement: Annotated[float, Field(ge=0, le=1)] | None = None
    """Smallest share of inputs whose highest-scoring class agrees."""


DEFAULT_TOLERANCE: dict[Precision, Tolerance] = {
    # fp32 engines agree to 1e-4 in the deepest networks of random weights; TF32 under the name of fp32 does not
    "fp32": Tolerance(relative_l2=2e-4),
    "tf32": Tolerance(relative_l2=2e-2),
    "fp16": Tolerance(relative_l2=2e-2, top1_agreement=0.95),
    "bf16": Tolerance(relative_l2=1e-1, top1_agreement=0.9),
    "int8": Tolerance(relative_l2=3e-1, top1_agreement=0.9),
    "fp8": Tolerance(relative_l2=3e-1, top1_agreement=0.9),
}


class Accuracy(Section):
    """How outputs are judged against the reference."""

    n_inputs: Annotated[int, Field(ge=2, le=4096)] = 16
    """Seeded inputs (single items, not batches) on which every engine is judged."""
    tolerance: dict[Precision, Tolerance] = {}
    """Limits per precision; a precision that is left out keeps its default."""

    def tolerance_of(self, precision: Precision) -> Tolerance:
        """The tolerance that judges this precision."""
        return self.tolerance.get(precision, DEFAULT_TOLERANCE[precision])


class Profile(Section):
    """Layer times, measured on their own, never inside timing."""

    enabled: bool = True
    """Make profile.json and trace.json for every target."""
    runs: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Profiled inferences a target, fewer where they would take longer than max_s."""
    max_s: PositiveFloat = 5.0
    """Stop profiling a target after this many seconds."""


class Limits(Section):
    """Longest time a job may take before its whole process tree is ended and the target counts as failed."""

    export_s: PositiveFloat = 3600.0
    """Seconds for one export."""
    build_s: PositiveFloat = 7200.0
    """Seconds for one engine build."""
    time_s: PositiveFloat = 1800.0
    """Seconds for one timing round, one accuracy check or one profile."""


class Report(Section):
    """What the report shows."""

    title: Annotated[str, Field(max_length=200)] | None = None
    """Headline of the report."""
    speedup_against: list[str] | None = None
    """Speed-up columns of the comparison table: backend labels, or label/precision (fp32 when left out).
    The baseline alone when left out."""


class Study(Section):
    """A study: the models, backends, precisions and batch sizes to compare, and how."""

    study: Name = "quickstart"
    """Name of the study: results go to results/<study>/, the report to reports/<study>/."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda|cuda:\d{1,2})$")] = "auto"
    """`auto` (NVIDIA GPUs where there are any, else the CPU), `cpu`, `cuda`, or one GPU by its number: `cuda:1`. `auto`
    and `cuda` measure on all GPUs of the first one's model, one target on each at a time."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """CPU threads of every backend; when left out all cores this process may use, at most 4 for a study on GPUs, whose
    exports and builds run side by side (a build takes half as many of Snakemake's cores)."""
    models: Annotated[dict[Name, ModelSpec], Field(min_length=1)]
    """The models, by label."""
    backends: Annotated[dict[Name, BackendEntry], Field(min_length=1)]
    """The backends, by label: each is a kind with options; the kind may be left out where the label is one."""
    precisions: Annotated[list[Precision], Field(min_length=1)] = ["fp32"]
    """Precisions of every backend that does not list its own."""
    batch: Batch = Batch()
    warmup: Warmup = Warmup()
    timing: Timing = Timing()
    accuracy: Accuracy = Accuracy()
    calibration: Calibration = Calibration()
    profile: Profile = Profile()
    limits: Limits = Limits()
    baseline: str = "eager"
    """Backend label, or label/precision (fp32 when left out), that speed-ups are computed against."""
    report: Report = Report()

    @model_validator(mode="before")
    @classmethod
    def _label_names_kind(cls, data: Any) -> Any:
        """`onnxruntime:` alone, or without `kind`, means the kind of that name."""
        if isinstance(data, dict) and isinstance(data.get("backends"), dict):
            filled = {}
            for label, entry in data["backends"].items():
                if entry is None:
                    entry = {}
                if isinstance(entry, dict) and "kind" not in entry and isinstance(label, str):
                    entry = {"kind": label, **entry}
                filled[label] = entry
            data = {**data, "backends": filled}
        return data

    def speedup_references(self) -> list[tuple[str, Precision]]:
        """(label, precision) of each speed-up column, the baseline first."""
        columns = [self.baseline, *(self.report.speedup_against or [])]
        return list(dict.fromkeys(parse_reference(column) for column in columns))

    def dynamic_batch_of(self, label: str) -> bool:
        """Whether one engine of a backend serves all batch sizes."""
        own = self.backends[label].dynamic_batch
        return self.batch.dynamic if own is None else own

    def precisions_of(self, label: str) -> list[Precision]:
        """Precisions asked of one backend."""
        return self.backends[label].precisions or self.precisions

    def models_of(self, label: str) -> list[str]:
        """Labels of the models that one backend is compared on, in the order of `models`."""
        asked = self.backends[label].models
        return [model for model in self.models if asked is None or model in asked]


def parse_reference(text: str) -> tuple[str, Precision]:
    """Split `label` or `label/precision` into both; fp32 when the precision is left out."""
    label, _, precision = text.partition("/")
    return label, precision or "fp32"  # type: ignore[return-value]
