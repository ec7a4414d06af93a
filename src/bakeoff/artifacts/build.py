"""build.json: one engine."""

from typing import Any, Literal

from bakeoff.artifacts.base import FileDigest, Part, Record, schema_field


class BatchRange(Part):
    """Optimization profile of the batch dimension; all equal for an engine of fixed batch size."""

    min: int
    opt: int
    max: int


class BuildRecord(Record):
    """How an engine was built and what is in it."""

    schema_: Literal["bakeoff/build/1"] = schema_field("bakeoff/build/1")
    build_s: float | None = None
    """Seconds the backend took to build, imports not counted."""
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
    """Whether the engine computes in the precision asked for; null where it cannot say."""
    fallback: list[str] = []
    """Operators that another provider or PyTorch runs."""
    notes: list[str] = []
    library: dict[str, str] = {}
    """Versions of the distributions that the result depends on."""
    options: dict[str, Any] = {}
    """The backend's entry in the config."""
    device: str | None = None


class ExportRecord(Record):
    """How a model was written in an exchange format."""

    schema_: Literal["bakeoff/export/1"] = schema_field("bakeoff/export/1")
    format: str | None = None
    export_s: float | None = None
    """Seconds the exporter took, imports and the model's making not counted."""
    files: dict[str, FileDigest] = {}
    """The export's files, the one to load first."""
    batch_size: int | None = None
    """Null for a dynamic batch dimension."""
    library: dict[str, str] = {}
    notes: list[str] = []
