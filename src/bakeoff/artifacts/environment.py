"""environment.json: what a study ran on."""

from typing import Any, Literal

from bakeoff.artifacts.base import Record, schema_field


class EnvironmentRecord(Record):
    """Machine, software and settings, for the reader who wants to repeat a study."""

    schema_: Literal["bakeoff/environment/1"] = schema_field("bakeoff/environment/1")
    device: str | None = None
    fingerprint: str | None = None
    """The device in one line."""
    machine: dict[str, Any] = {}
    memory_bytes: int | None = None
    os: str | None = None
    python: str | None = None
    bakeoff: str | None = None
    commit: str | None = None
    """Commit of the working tree, with `+dirty` where it has changes; null outside a checkout."""
    library: dict[str, str] = {}
    variables: dict[str, str] = {}
    """Environment variables that change inference speed (OMP_NUM_THREADS, ONEDNN_MAX_CPU_ISA, ...)."""
    frequency: dict[str, Any] = {}
    """Governor and turbo settings, where the system says."""
    threads: int | None = None
