"""environment.json: what a study ran on."""

from typing import Any, Literal

from bakeoff.artifacts.base import Part, Record, schema_field
from bakeoff.core.precision import Precision


class DeviceLimits(Part):
    """What the device was seen to do at most, with nothing else of the study running."""

    matrix_flops_per_s: dict[Precision, float | None] = {}
    """Fastest large square matrix product of each precision of the study, a multiply-add counted as two operations;
    null where the device or PyTorch has none."""
    copy_bytes_per_s: float | None = None
    """Fastest copy of a buffer larger than the caches, within the device's memory; bytes read and written."""
    how: dict[str, str] = {}
    """How each figure was measured, or why it is null, in words; by precision, and for `copy`."""


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
    compiler: str | None = None
    """The C++ compiler that Inductor's packages are compiled with, and its version; null where there is none."""
    variables: dict[str, str] = {}
    """Environment variables that libraries obey (OMP_WAIT_POLICY, ONEDNN_MAX_CPU_ISA, ...), as far as they are set. The
    table in bakeoff.freshness.environment_variables lists them; a change makes results stale."""
    frequency: dict[str, Any] = {}
    """Governor and turbo settings, where the system says."""
    threads: int | None = None
    limits: DeviceLimits | None = None
