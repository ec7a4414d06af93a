"""build.json: one engine."""

from typing import Any, Literal

from bakeoff.artifacts.base import FileDigest, Part, Record, schema_field


class BatchRange(Part):
    """Optimization profile of the batch dimension; all three are equal for an engine of fixed batch size."""

    min: int
    opt: int
    max: int


class CalibrationUse(Part):
    """The calibration set behind a quantized engine, and how its ranges were chosen."""

    sha256: str
    """Digest of the inputs: names, types, shapes and values."""
    n_inputs: int
    source: str
    """Where the inputs come from, in words."""
    method: str
    """How ranges were chosen from them, and the scheme of weights and activations, in words."""


class Partition(Part):
    """How a compiler cut a graph into engines, which run what they can, and the rest, which PyTorch runs."""

    engines: int
    """Number of engines."""
    operators_per_engine: list[int] | None = None
    """Operators of each engine, in the order of execution; null where the compiled graph does not tell."""
    operators_in_pytorch: dict[str, int] = {}
    """Operators that PyTorch runs, and how often each occurs."""
    smallest_min_block_size: int | None = None
    """Smallest min_block_size that leaves exactly one engine; null where none does or where it is not known."""


class BuildRecord(Record):
    """How an engine was built and what is in it."""

    schema_: Literal["bakeoff/build/1"] = schema_field("bakeoff/build/1")
    build_s: float | None = None
    """Seconds the backend took to build, without imports. A compiler that caches started from empty caches."""
    warm_build_s: float | None = None
    """Seconds that a second build took, which found the caches of the first; null where none was asked for."""
    export_s: float | None = None
    """Seconds that the export it was built from took; null where nothing is exported."""
    engine_bytes: int | None = None
    """Size of the engine's files together."""
    files: dict[str, FileDigest] = {}
    """The engine's files, the one to load first."""
    batch: BatchRange | None = None
    layer_dtypes: dict[str, int] = {}
    """Number of layers by the dtype they compute in, as the engine says; empty where it cannot."""
    holds_precision: bool | None = None
    """Whether the engine computes in the precision asked for; null where it cannot say. That is so where every
    convolution and matrix product computes in it, and in an int8 or fp8 engine more than half of them."""
    calibration: CalibrationUse | None = None
    """Null for an engine that is not quantized."""
    fallback: list[str] = []
    """Operators that another provider or PyTorch runs."""
    partition: Partition | None = None
    """How the graph was cut into engines and what PyTorch runs; null for backends that do not cut."""
    notes: list[str] = []
    library: dict[str, str] = {}
    """Versions of the distributions that the result depends on."""
    options: dict[str, Any] = {}
    """The backend's entry in the config."""
    device: str | None = None


class CalibrationRecord(Record):
    """The inputs that a model's quantizers look at."""

    schema_: Literal["bakeoff/calibration/1"] = schema_field("bakeoff/calibration/1")
    source: str | None = None
    """Where the inputs come from, in words."""
    n_inputs: int | None = None
    sha256: str | None = None
    """Digest of the inputs: names, types, shapes and values."""
    images: list[str] = []
    """The image files, in order; empty for a synthetic set."""
    files: dict[str, FileDigest] = {}
    library: dict[str, str] = {}


class ExportRecord(Record):
    """How a model was written in an exchange format."""

    schema_: Literal["bakeoff/export/1"] = schema_field("bakeoff/export/1")
    format: str | None = None
    export_s: float | None = None
    """Seconds the exporter took, without imports and without making the model."""
    files: dict[str, FileDigest] = {}
    """The export's files, the one to load first."""
    batch_size: int | None = None
    """Null for a dynamic batch dimension."""
    library: dict[str, str] = {}
    notes: list[str] = []
