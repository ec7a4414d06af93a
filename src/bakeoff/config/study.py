"""The schema of a study. Everything a config file may say is said here, once."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import Field, field_validator, model_validator

from bakeoff.accuracy.tolerance import DEFAULT_TOLERANCE, Tolerance
from bakeoff.backends import KINDS, options_of
from bakeoff.backends.options import BackendOptions
from bakeoff.core.cell import Cell
from bakeoff.core.precision import Precision
from bakeoff.core.section import Name, PositiveFloat, Section
from bakeoff.measure.settings import Timing, Warmup
from bakeoff.models.data.settings import Data
from bakeoff.models.sources import SOURCES, source_class
from bakeoff.models.spec import ModelBase
from bakeoff.quantization.settings import Calibration

BatchSize = Annotated[int, Field(ge=1, le=65536)]

if TYPE_CHECKING:
    BackendEntry = BackendOptions
    ModelEntry = ModelBase
else:
    BackendEntry = Annotated[Union[tuple(options_of(kind) for kind in KINDS)], Field(discriminator="kind")]
    ModelEntry = Annotated[
        Union[tuple(source_class(source).Config for source in SOURCES)], Field(discriminator="source")
    ]


class Batch(Section):
    """Batch sizes, and whether one engine serves them all."""

    sizes: Annotated[list[BatchSize], Field(min_length=1, max_length=64)] = [1]
    """Batch sizes to measure."""
    dynamic: bool = True
    """True: one export and one engine with a dynamic batch dimension (an optimization profile
    min/opt/max) for all sizes. False: an export and an engine for each size. A backend's `dynamic_batch` overrides
    it."""

    opt: BatchSize | None = None
    """Batch size that an engine with a dynamic batch dimension is tuned for; the largest of `sizes` when left out."""

    @property
    def only(self) -> int | None:
        """The batch size where there is one alone; None where there are several."""
        return self.sizes[0] if len(self.sizes) == 1 else None

    @model_validator(mode="after")
    def _distinct(self) -> "Batch":
        if len(set(self.sizes)) != len(self.sizes):
            raise ValueError(f"a batch size stands twice in {self.sizes}")
        if self.opt is not None and self.opt not in self.sizes:
            raise ValueError(f"opt: {self.opt} is none of sizes {self.sizes}")
        return self


class Accuracy(Section):
    """How outputs are judged against the reference."""

    data: Data | None = None
    """Real inputs that the models are judged on; a model's own `data` goes before it. Seeded synthetic ones when left
    out, and for models without one image input."""
    n_inputs: Annotated[int, Field(ge=2, le=4096)] | None = None
    """Inputs (single items, not batches) on which every engine is judged: when left out 256 real ones, or all where
    there are fewer, and 16 seeded ones."""
    tolerance: dict[Precision, Tolerance] = {}
    """Limits per precision; a precision that is left out keeps its default."""

    def tolerance_of(self, precision: Precision) -> Tolerance:
        """The limits that judge this precision, on weights that do not amplify rounding."""
        return self.tolerance.get(precision, DEFAULT_TOLERANCE[precision]).filled_in()

    @field_validator("tolerance")
    @classmethod
    def _limits_something(cls, tolerance: dict[Precision, Tolerance]) -> dict[Precision, Tolerance]:
        for precision, limits in tolerance.items():
            if not limits.model_dump(exclude_none=True):
                raise ValueError(
                    f"no limit is given for {precision}, so nothing would judge it; give one (relative_l2, for "
                    f"example), or leave {precision} out to have its default"
                )
        return tolerance


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


class PublishedFigure(Section):
    """A number that somebody published, and the target that measures the same here."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    """What the source calls it."""
    value: PositiveFloat
    """The number, in `unit`."""
    backend: Name
    """Label of the backend that measures the same."""
    model: Name | None = None
    """Label of the model; the study's only one when left out."""
    precision: Precision = "fp32"
    """Precision of the target."""
    batch_size: BatchSize | None = None
    """Batch size of the target; the study's only one when left out."""


class Published(Section):
    """What somebody else measured. The report compares ratios, since hardware and versions differ."""

    source: Annotated[str, Field(min_length=1, max_length=300)]
    """Where it was published."""
    hardware: Annotated[str, Field(min_length=1, max_length=300)]
    """What it was measured on, with the versions that matter."""
    unit: Literal["ms", "items/s", "iterations/s"]
    """Of all figures: time of an inference, or inputs or batches a second."""
    against: Annotated[str, Field(min_length=1)]
    """Name of the figure that the others are compared with."""
    figures: Annotated[list[PublishedFigure], Field(min_length=2, max_length=200)]
    """The numbers."""
    remarks: list[Annotated[str, Field(min_length=1, max_length=1000)]] = []
    """What explains differences, in whole sentences."""

    @model_validator(mode="after")
    def _named_once(self) -> "Published":
        names = [figure.name for figure in self.figures]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"figures: {', '.join(twice)} stands twice; give each a name of its own")
        if self.against not in names:
            raise ValueError(f"against: '{self.against}' names no figure; there are {', '.join(names)}")
        return self


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
    models: Annotated[dict[Name, ModelEntry], Field(min_length=1)]
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
    margin: Annotated[float, Field(ge=0, le=0.5)] = 0.03
    """Difference in latency, as a fraction, below which two targets count as alike."""
    baseline: str = "eager"
    """Backend label, or label/precision (fp32 when left out), that speed-ups are computed against."""
    report: Report = Report()
    published: Published | None = None
    """Figures of others, to stand beside what is measured here."""

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

    def filled_in(self, on_gpu: bool) -> "Study":
        """The same with the defaults said that differ between a CPU and a GPU."""
        filled = {"warmup": self.warmup.filled_in(on_gpu), "timing": self.timing.filled_in(on_gpu)}
        return self.model_copy(update=filled)

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

    def data_of(self, model: str) -> tuple[Data | None, str]:
        """The real inputs that a model is judged on, None for seeded ones; and their path in the config."""
        own = self.models[model].data
        return (own, f"models.{model}.data") if own is not None else (self.accuracy.data, "accuracy.data")

    def models_of(self, label: str) -> list[str]:
        """Labels of the models that one backend is compared on, in the order of `models`."""
        asked = self.backends[label].models
        return [model for model in self.models if asked is None or model in asked]


def cell_of_figure(study: Study, figure: PublishedFigure) -> Cell:
    """The target that measures a published figure: what the figure leaves out is the study's only value."""
    model = figure.model or (next(iter(study.models)) if len(study.models) == 1 else None)
    sizes = study.batch.sizes
    batch_size = figure.batch_size or (sizes[0] if len(sizes) == 1 else None)
    return Cell(model=model, backend=figure.backend, precision=figure.precision, batch_size=batch_size)


def parse_reference(text: str) -> tuple[str, Precision]:
    """Split `label` or `label/precision` into both; fp32 when the precision is left out."""
    label, _, precision = text.partition("/")
    return label, precision or "fp32"  # type: ignore[return-value]
