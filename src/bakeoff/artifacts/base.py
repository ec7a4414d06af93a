"""What every JSON artifact starts with."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bakeoff.core.precision import Precision

Status = Literal["ok", "failed", "blocked", "unsupported"]


class Part(BaseModel):
    """A part of an artifact: unknown fields are refused, NaN and infinity too (they are not JSON)."""

    model_config = ConfigDict(
        extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True, protected_namespaces=()
    )


def schema_field(name: str) -> Any:
    """The `schema` field of an artifact: always there, always this name."""
    return Field(default=name, alias="schema")


class TargetId(Part):
    """Which cell of the matrix a record is about; fields that do not apply are null."""

    study: str
    model: str | None = None
    backend: str | None = None
    precision: Precision | None = None
    batch_size: int | None = None
    """Null for what all batch sizes share (an export, an engine with a dynamic batch dimension)."""
    round: int | None = None

    def words(self) -> str:
        """The target as a person would say it: `resnet18 · openvino fp32 · batch 8 · round 2`."""
        parts = [self.model or self.study]
        if self.backend:
            parts.append(" ".join(filter(None, [self.backend, self.precision])))
        elif self.precision:
            parts.append(self.precision)
        if self.batch_size is not None:
            parts.append(f"batch {self.batch_size}")
        if self.round is not None:
            parts.append(f"round {self.round}")
        return " · ".join(parts)


class Record(Part):
    """The common head of every artifact."""

    schema_: str = Field(alias="schema")
    """Name and version of the schema, for example `bakeoff/timing/1`."""
    target: TargetId
    status: Status
    reason: str | None = None
    """Unless ok: why, in one line that a user understands."""
    error_type: str | None = None
    """Unless ok: the exception, `signal SIGSEGV`, `timeout`, `unsupported` or `blocked`."""
    log: str | None = None
    """Unless ok: path of the log that tells more."""
    attempt: int = 0
    """How many earlier attempts at this job failed."""
    wall_s: float | None = None
    """Seconds that the job took in all, start of the process and imports included."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @property
    def ok(self) -> bool:
        """Whether the job did what it was asked."""
        return self.status == "ok"


class FileDigest(Part):
    """A file that belongs to an artifact, as the job that made it left it."""

    bytes: int
    sha256: str
