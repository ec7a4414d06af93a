"""Where the records of a target lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.artifacts.plan import PlannedTarget
from bakeoff.config.study import Study
from bakeoff.core.paths import StudyPaths
from bakeoff.study.jobs import rounds_of


@dataclass(frozen=True)
class TargetFiles:
    """The records of one target, there or not."""

    build: str
    accuracy: str
    profile: str | None
    """None where profiling is off."""
    timing: list[str]
    """One a round, in order."""
    rounds: list[int]
    """The number of each round."""


def files_of(study: Study, target: PlannedTarget, further: Sequence[int] = ()) -> TargetFiles:
    """The records of a planned target, whose further rounds are `further`."""
    paths = StudyPaths(study.study)
    engine = paths.cell(target.engine)
    return TargetFiles(
        build=f"{engine}/build.json",
        accuracy=f"{engine}/accuracy.json",
        profile=f"{paths.cell(target.cell.profiled)}/profile.json" if study.profile.enabled else None,
        timing=[f"{paths.cell(cell)}/timing.json" for cell in rounds_of(study, target.cell, further)],
        rounds=[cell.round or 0 for cell in rounds_of(study, target.cell, further)],
    )
