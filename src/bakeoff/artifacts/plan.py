"""plan.json: every cell of a study, and why some of them cannot be built or run here."""

from typing import Literal

from bakeoff.artifacts.base import Part, Record, schema_field
from bakeoff.core.cell import Cell


class PlannedTarget(Part):
    """One cell of the matrix."""

    cell: Cell
    engine: Cell
    """The engine that serves it."""
    device: str
    """`cpu` or `cuda:<index>`."""
    cannot_build: str | None = None
    """Why no engine can be built here, in words; the target is listed with this reason."""
    cannot_run: str | None = None
    """Why the engine, though built, cannot be run here."""

    @property
    def runs(self) -> bool:
        """Whether it is timed, verified and profiled."""
        return self.cannot_build is None and self.cannot_run is None

    @property
    def reason(self) -> str | None:
        """Why it is not timed."""
        return self.cannot_build or self.cannot_run


class PlanRecord(Record):
    """The cells of a study as they were planned on this machine: what collecting goes by, so that it plans nothing."""

    schema_: Literal["bakeoff/plan/1"] = schema_field("bakeoff/plan/1")
    targets: list[PlannedTarget] = []
    """Every cell, those that cannot run here included, in the order of the report."""
