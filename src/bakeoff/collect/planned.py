"""What collecting must know of a target: the cell, why it does not run, and where its records lie."""

from __future__ import annotations

from dataclasses import dataclass, field

from bakeoff.core.cell import Cell
from bakeoff.core.precision import Precision


@dataclass(frozen=True)
class PlannedTarget:
    """One cell of the matrix with the paths of its records, there or not."""

    model: str
    backend: str
    """The backend's label."""
    precision: Precision
    batch_size: int
    device: str
    """`cpu` or `cuda:<index>`."""
    unsupported_build_reason: str | None = None
    """Why no engine can be built here."""
    unsupported_run_reason: str | None = None
    """Why the engine, though built, cannot be run here."""
    build: str = ""
    """Path of build.json; not read where no engine can be built."""
    accuracy: str = ""
    """Path of accuracy.json; not read where the target cannot run."""
    profile: str | None = None
    """Path of profile.json; None where profiling is off."""
    timing: list[str] = field(default_factory=list)
    """Paths of timing.json, one a round, in order; not read where the target cannot run."""

    @property
    def name(self) -> str:
        """`label/precision`, as speed-up columns are named."""
        return f"{self.backend}/{self.precision}"

    def id(self, study: str, round: int | None = None) -> Cell:
        """The target as records name it."""
        return Cell(
            study=study,
            model=self.model,
            backend=self.backend,
            precision=self.precision,
            batch_size=self.batch_size,
            round=round,
        )
