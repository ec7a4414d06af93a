"""What the rules of workflow/rules ask for: patterns of paths, inputs, tracked parameters, priorities, cores.

Each is a function of a job's wildcards, or a plain value where wildcards change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from bakeoff.core import cell as axes
from bakeoff.core.cell import Cell
from bakeoff.exports import FORMATS
from bakeoff.freshness.code_digest import code_digest
from bakeoff.snakemake.private import of_wildcards
from bakeoff.snakemake.study_run import StudyRun
from bakeoff.study import scheduling
from bakeoff.study.further_rounds import follow
from bakeoff.study.job_parameters import NAMES
from bakeoff.study.jobs import Job

OfWildcards = Callable[[Any], Any]


class Rules:
    """The rules of one study."""

    def __init__(self, run: StudyRun) -> None:
        self.run = run
        self._latest: tuple[Any, dict[str, Any]] = (None, {})
        self._decision_of: Callable[[int], str] = run.paths.contest

    def folder(self, stage: str) -> str:
        """The folder that the jobs of a stage write to, as a pattern of wildcards."""
        paths = self.run.paths
        match stage:
            case "environment":
                return paths.results
            case "reference":
                return paths.reference("{model}")
            case "calibrate":
                return paths.calibration("{model}")
            case "export":
                return paths.export("{model}", "{format}", "{precision}", axes.below_export_pattern())
            case "build" | "verify":
                return f"{paths.results}/{axes.engine_pattern()}"
            case "profile":
                return f"{paths.results}/{axes.profile_pattern()}"
            case "time":
                return f"{paths.results}/{axes.round_pattern()}"
        raise ValueError(f"no such stage: {stage}")

    def log(self, stage: str) -> str:
        """The log of the jobs of a stage, as a pattern of wildcards."""
        below = self.folder(stage).removeprefix(f"{self.run.paths.results}").strip("/")
        name = {"environment": "environment", "reference": "{model}/reference", "calibrate": "{model}/calibration"}
        return self.run.paths.log(name.get(stage) or (below if stage in ("export", "time") else f"{below}/{stage}"))

    def input(self, stage: str) -> dict[str, Any]:
        """The inputs of a stage's jobs: what they are made from, and what makes them anew where it is newer."""
        return {"made_from": self._of(stage, self.run.jobs.inputs)} | self._newer(stage)

    def _newer(self, stage: str) -> dict[str, Any]:
        return {"planned": self._of(stage, lambda job: self.run.newer_input(self.run.jobs.record(job)))}

    def params(self, stage: str) -> dict[str, Any]:
        """The tracked parameters of a stage's jobs, by name."""

        def value_of(name: str) -> OfWildcards:
            return self._of(stage, lambda job: self._params(job)[name])

        return {
            **{name: value_of(name) for name in NAMES[stage]},
            **self.run.parameters.shared(stage),
            "attempt": self._of(stage, lambda job: self.run.doubts.attempt(self.run.jobs.record(job))),
            "repair": self._of(stage, lambda job: self.run.doubts.repair(self.run.jobs.record(job))),
        }

    def priority(self, stage: str) -> int | OfWildcards:
        """Priority of a stage's jobs."""
        if stage in ("build", "time"):
            return self._of(stage, lambda job: scheduling.priority(self.run.plan, job))
        return scheduling.PRIORITIES[stage]

    def limit_s(self, stage: str) -> int:
        """Longest time that a job of a stage may take, in seconds; a change of it makes no job run again."""
        return scheduling.limit_s(self.run.study.limits, stage)

    @property
    def gpu(self) -> int:
        """How many GPUs a measurement takes."""
        return int(bool(self.run.plan.gpus))

    @property
    def cores_to_measure(self) -> int:
        """How many cores a measurement takes."""
        return scheduling.cores_to_measure(self.run.plan, self.run.cores)

    @property
    def cores_to_build(self) -> OfWildcards:
        """How many cores a build takes."""
        return of_wildcards(
            lambda wildcards: scheduling.cores_to_build(self.run.plan, wildcards.backend, self.run.cores)
        )

    def records(self, jobs: list[Job]) -> list[str]:
        """The records that jobs leave."""
        return self.run.jobs.records(jobs)

    def planned(self, record: str) -> dict[str, Any]:
        """For a rule that makes one record of the whole study: what makes it anew where it is newer."""
        return {"planned": of_wildcards(lambda _: self.run.newer_input(record))}

    def planned_contest(self) -> dict[str, Any]:
        """The same for the decision on a further round."""
        return {"planned": of_wildcards(lambda wildcards: self.run.newer_input(self._contest(wildcards)))}

    def repair_contest(self) -> OfWildcards:
        """See `repair`; for the decision on a further round."""
        return of_wildcards(lambda wildcards: self.run.doubts.repair(self._contest(wildcards)))

    def _contest(self, wildcards: Any) -> str:
        return self.run.paths.contest(wildcards.round)

    def follow_contests(self, decision_of: Callable[[int], str]) -> None:
        """Go by these decisions on further rounds.

        Args:
            decision_of: Gives the file with the decision on a round. Where it is still to be made it raises what tells
                Snakemake to make it first.
        """
        self._decision_of = decision_of

    def before_contest(self, wildcards: Any) -> list[str]:
        """The records that the decision on a further round rests on."""
        return self._with_further(int(wildcards.round))

    def collected(self, _: Any) -> list[str]:
        """The records that are collected, those of further rounds included."""
        return self._with_further(None)

    def _with_further(self, before: int | None) -> list[str]:
        # these first: where one is not decided yet, Snakemake asks again, and the others need not have been listed
        further = follow(self.run.study, self._decision_of, before)
        jobs = [Job("time", cell) for cell in further]
        return [*self._reported, *self.records(jobs)]

    @cached_property
    def _reported(self) -> list[str]:
        # asked for at every decision on a further round, and each time Snakemake looks at its jobs anew
        return self.records(self.run.jobs.reported)

    def order(self, wildcards: Any) -> int:
        """The place of a round's measurement among those of its round; a change of it makes no job run again."""
        return self.run.plan.place_in_round(self._job("time", wildcards).cell)

    def repair(self, record: str) -> OfWildcards:
        """For such a rule: the tracked parameter that changes where the record on disk is not believed."""
        return of_wildcards(lambda _: self.run.doubts.repair(record))

    def _params(self, job: Job) -> Mapping[str, Any]:
        # Snakemake asks for the parameters of a job one by one; they are made together
        if self._latest[0] != job:
            self._latest = (job, self.run.parameters.of(job))
        return self._latest[1]

    def _of(self, stage: str, answer: Callable[[Job], Any]) -> OfWildcards:
        return of_wildcards(lambda wildcards: answer(self._job(stage, wildcards)))

    def _job(self, stage: str, wildcards: Any) -> Job:
        given = dict(wildcards.items())
        return Job(stage, Cell.from_wildcards(self.run.study.study, given), given.get("format"))


def wildcard_constraints() -> dict[str, str]:
    """What each wildcard of the rules may be: the axes', and the format of an export."""
    return axes.wildcard_constraints() | {"format": "|".join(FORMATS)}


def code(stage: str) -> str:
    """The tracked parameter for Bakeoff's own code behind a rule that is no job of a cell."""
    return code_digest(stage)
