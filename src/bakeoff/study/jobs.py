"""The jobs of a planned study: one for each record, where it lies, and which files it is made from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from bakeoff.artifacts.plan import PlannedTarget
from bakeoff.artifacts.stages import RECORD_FILES
from bakeoff.config.study import Study
from bakeoff.core.cell import Cell
from bakeoff.core.paths import StudyPaths
from bakeoff.core.precision import CALIBRATED
from bakeoff.models.sources import source_of
from bakeoff.study.further_rounds import further_rounds, numbers
from bakeoff.study.plan import Export, Plan


@dataclass(frozen=True)
class Job:
    """One job: a stage of one cell. An export also has a format."""

    stage: str
    """A name from `bakeoff.artifacts.stages.RECORDS`."""
    cell: Cell
    format: str | None = None


class StudyJobs:
    """The jobs of one study."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.paths: StudyPaths = plan.paths
        self.study: Study = plan.study

    def folder(self, job: Job) -> str:
        """Where a job writes."""
        paths, cell = self.paths, job.cell
        match job.stage:
            case "environment":
                return paths.results
            case "reference":
                return paths.reference(cell.need("model"))
            case "calibrate":
                return paths.calibration(cell.need("model"))
            case "export":
                return paths.export(cell.need("model"), job.format or "", cell.need("precision"), cell.below_export)
            case _:
                return paths.cell(cell)

    def record(self, job: Job) -> str:
        """The record that a job leaves."""
        return f"{self.folder(job)}/{RECORD_FILES[job.stage]}"

    def inputs(self, job: Job) -> list[str]:
        """The files that a job is made from: other jobs' records, and files of the user's."""
        match job.stage:
            case "reference":
                return self._model_files(job.cell.need("model"))
            case "export":
                return [self.record(reference_of(job.cell))]
            case "build":
                return self._build_inputs(job.cell)
            case "verify":
                return [self.record(Job("build", job.cell)), self.record(reference_of(job.cell))]
            case "profile" | "time":
                return [self.record(Job("build", self.plan.engine_of(job.cell)))]
            case _:
                return []

    def _model_files(self, label: str) -> list[str]:
        return [file.path for file in source_of(label, self.study.models[label]).files()]

    def _build_inputs(self, engine: Cell) -> list[str]:
        export = self.plan.export_of(engine)
        sources = [self.record(export_job(export) if export else reference_of(engine))]
        if engine.precision in CALIBRATED:
            sources.append(self.record(Job("calibrate", reference_of(engine).cell)))
        elsewhere = self.built_elsewhere(engine)
        if elsewhere and os.path.exists(f"{elsewhere}/build.json"):
            sources.append(f"{elsewhere}/build.json")
        return sources

    def built_elsewhere(self, engine: Cell) -> str | None:
        """Folder of the engine where another machine built it; None where it is built here."""
        folder: str | None = getattr(self.study.backends[engine.need("backend")], "engines", None)
        return folder and f"{folder.rstrip('/')}/{engine.folder}"

    def measured(self, target: PlannedTarget) -> list[Job]:
        """The profile and the timing rounds of one target."""
        profile = [Job("profile", target.cell.profiled)] if self.study.profile.enabled else []
        return [*profile, *(Job("time", cell) for cell in rounds_of(self.study, target.cell))]

    @cached_property
    def checked(self) -> list[Job]:
        """What is built and judged, and where; nothing that is measured."""
        jobs = [Job("environment", Cell(study=self.study.study))]
        jobs += [Job("reference", Cell(study=self.study.study, model=model)) for model in self.study.models]
        for engine in self.plan.engines:
            jobs.append(Job("build", engine))
            if any(target.runs for target in self.plan.targets_of(engine)):
                jobs.append(Job("verify", engine))
        return jobs

    @cached_property
    def reported(self) -> list[Job]:
        """Every job whose record the report rests on, in the order of the plan."""
        measured = [job for target in self.plan.targets if target.runs for job in self.measured(target)]
        return list(dict.fromkeys([*self.checked, *measured]))

    @cached_property
    def all(self) -> list[Job]:
        """Every job of the study: those of `reported`, and those that make what they are made from."""
        quantized = dict.fromkeys(engine.model for engine in self.plan.engines if engine.precision in CALIBRATED)
        calibrations = [Job("calibrate", Cell(study=self.study.study, model=model)) for model in quantized]
        return [*self.reported, *map(export_job, self.plan.exports), *calibrations]

    @cached_property
    def further(self) -> list[Job]:
        """The jobs of further rounds, as far as they were decided on when the study was planned."""
        of = further_rounds(self.study)
        return [Job("time", cell.at(round=number)) for cell, numbers in of.items() for number in numbers]

    def contests(self) -> list[str]:
        """The decisions on further rounds that there may be."""
        return [self.paths.contest(number) for number in numbers(self.study)]

    def records(self, jobs: Iterable[Job]) -> list[str]:
        """The records that jobs leave."""
        return [self.record(job) for job in jobs]


def reference_of(cell: Cell) -> Job:
    """The job that makes the reference of a cell's model."""
    return Job("reference", Cell(study=cell.study, model=cell.model))


def export_job(export: Export) -> Job:
    """The job that makes an export."""
    return Job("export", export.cell, export.format)


def rounds_of(study: Study, target: Cell, further: Sequence[int] = ()) -> list[Cell]:
    """The rounds of a target: the first ones, which every target has, and its further ones."""
    return [target.at(round=number) for number in (*range(1, study.timing.first_rounds + 1), *further)]
