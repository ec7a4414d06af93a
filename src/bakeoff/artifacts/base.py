"""What every JSON artifact starts with."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bakeoff.core.cell import Cell

Status = Literal["ok", "failed", "blocked", "unsupported"]


class Part(BaseModel):
    """A part of an artifact: unknown fields are refused, NaN and infinity too (they are not JSON)."""

    model_config = ConfigDict(
        extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True, protected_namespaces=()
    )


def schema_field(name: str) -> Any:
    """The `schema` field of an artifact: always there, always this name."""
    return Field(default=name, alias="schema")


class Record(Part):
    """The common head of every artifact."""

    schema_: str = Field(alias="schema")
    """Name and version of the schema, for example `bakeoff/timing/1`."""
    target: Cell
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
