"""One Snakemake process with one study: what is planned when the Snakefile is read, and what happens when a run begins.

Whether a run will follow is not known while the Snakefile is read: `snakemake --summary` reads it, too. So reading only
plans. The rest happens when Snakemake makes its scheduler, which it does for real runs alone, after it has planned the
jobs and before it starts the first: `begin` takes the study's lock, removes what killed jobs left, and notes which jobs
are to come.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from snakemake.exceptions import WorkflowError
from snakemake.io import ancient

from bakeoff.artifacts.io import TEMPORARY
from bakeoff.artifacts.stages import stage_of_job
from bakeoff.config.load import parse_study, read_yaml
from bakeoff.core.machine import Machine
from bakeoff.core.paths import StudyPaths
from bakeoff.freshness.doubts import Doubts
from bakeoff.freshness.folders import check_folders
from bakeoff.freshness.ledger import Ledger
from bakeoff.freshness.working_folder import make_working_folder_token, working_folder_token
from bakeoff.snakemake import private
from bakeoff.study.job_parameters import JobParameters
from bakeoff.study.jobs import StudyJobs
from bakeoff.study.plan import Plan
from bakeoff.study.scheduling import builds_at_once
from bakeoff.supervision.part_of_run import say_run
from bakeoff.supervision.progress import Progress
from bakeoff.supervision.run_lock import RunUnderWayError, lock_run, run_under_way, state_of_lock

NEWER_INPUT = ".snakemake/bakeoff-planned"
"""An input of every rule, which normally counts as old. See `StudyRun.newer_input`."""

_MOST_LINES = 20
"""Records named one by one; of more, their number is told."""

_latest: list[StudyRun] = []


class StudyRun:
    """A planned study within a Snakemake process."""

    def __init__(self, plan: Plan, workflow: Any) -> None:
        self.plan = plan
        self.study = plan.study
        self.paths = plan.paths
        self.jobs = StudyJobs(plan)
        self.parameters = JobParameters(self.jobs)
        self.planned_under = state_of_lock(self.paths.results)
        """State of the study's lock when it was planned."""
        self._workflow = workflow
        self._begun = False
        self._newer_input_touched = False

    @cached_property
    def doubts(self) -> Doubts:
        """Which records on disk are not believed, told once if a run or a dry run is being planned.

        Beside a run that is under way nothing is doubted: what its jobs are just making is not damaged.
        """
        jobs = {self.jobs.record(job): job for job in (*self.jobs.all, *self.jobs.further)}
        paths = self.paths
        further = [paths.plan, *self.jobs.contests(), paths.collected, paths.plots, paths.index_done]

        def params_of(record: str) -> Mapping[str, Any]:
            return self.parameters.of(jobs[record]) if record in jobs else {}

        under_way = self.planned_under[0]
        doubts = Doubts(
            [] if under_way else [*jobs, *further],
            self.paths.results,
            Ledger(self.paths.ledger),
            working_folder_token(),
            params_of,
            beside={paths.index_done: paths.index},
        )
        planned_for = private.planned_for(self._workflow)
        if planned_for and self._workflow.is_main_process:
            words = "is made anew" if private.asked_for(self._workflow, "report") else "has to be made anew"
            _tell(doubts.by_record | self._missing_of_report(), words)
            if under_way and planned_for == "dry run":
                words = run_under_way(self.paths.results) or "another run was under way"
                _say(f"{words}; what it has not done yet is shown as to be done")
        return doubts

    def _missing_of_report(self) -> dict[str, str]:
        """What was deleted of a report. Snakemake finds that by itself, and says so in its long output only."""
        if not os.path.exists(self.paths.collected):
            return {}
        made = (self.paths.plots, self.paths.html, self.paths.markdown)
        return {path: f"{Path(path).name} is missing" for path in made if not os.path.exists(path)}

    def newer_input(self, record: str) -> Any:
        """The input `NEWER_INPUT` of the job that makes a record, flagged as old unless the record is to be made anew.

        A doubted record changes the tracked parameter `repair`, and so Snakemake makes it anew. But of some results
        Snakemake has no parameters that could change: of those that were copied from another folder, and of all where
        `.snakemake/` was deleted. It makes them anew because an input is newer than they are, and this is that input.
        Where Snakemake knows the parameters, it also knows this input's content, which never changes, and goes by the
        parameters.
        """
        doubt = self.doubts.by_record.get(record)
        marker = Path(NEWER_INPUT)
        if not marker.exists():
            marker.parent.mkdir(exist_ok=True)
            marker.touch()
        if doubt is None:
            return ancient(NEWER_INPUT)
        if not self._newer_input_touched:
            os.utime(marker)
            self._newer_input_touched = True
        return NEWER_INPUT

    @property
    def cores(self) -> int:
        """Cores of the run: those that Snakemake was given, else those of this machine (jobs run on others then)."""
        try:
            return int(self._workflow.cores)
        except WorkflowError:
            return self.plan.machine.cores

    def begin(self, jobs: Iterable[Collection[str]] = ()) -> None:
        """Begin the run, once in this process; ends the process where another run of the study holds its results.

        Args:
            jobs: The outputs of each job that is to be done.
        """
        if self._begun:
            return
        self._begun = True
        try:
            lock_run(self.paths.results, self.planned_under)
        except RunUnderWayError as error:
            sys.exit(f"bakeoff: {error}")
        _clear_up(self.paths.results)
        make_working_folder_token()
        for path in self.doubts.make_way():
            _say(f"{path}: removed the folder that was in the place of this file")
        self.doubts.note_times()
        Path(self.paths.log("verdict")).unlink(missing_ok=True)
        self._begin_progress([stage for outputs in jobs if (stage := stage_of_job(outputs))])
        # off while the run was planned; what was planned stays for the whole run and is not looked through again
        gc.freeze()
        gc.enable()

    def _begin_progress(self, stages: list[str]) -> None:
        cores = self.cores
        timing, profile = self.study.timing, self.study.profile
        overhead_s = 3
        guess_s = {
            "time": overhead_s + self.study.warmup.least_s + timing.max_s + timing.throughput_s,
            "profile": overhead_s + profile.max_s / 2,
        }
        measured = min(len(self.plan.gpus) or 1, cores)
        at_once = {"build": builds_at_once(self.plan, cores), "time": measured, "profile": measured}
        Progress(self.paths.results).begin(stages, guess_s, at_once, cores)

    def end(self) -> None:
        """Note that the run is over, and print how the study ended as the last rule left it, below all else."""
        Progress(self.paths.results).end()
        words = Path(self.paths.log("verdict"))
        if words.exists() and "BAKEOFF_NO_LAST_WORDS" not in os.environ:
            sys.stderr.write(f"\n{words.read_text()}\n")


def read_study(config: Mapping[str, Any], workflow: Any) -> StudyRun:
    """Check the config and plan the study. Raises ConfigError.

    Snakemake has read the config files already; they are read once more, strictly, so that a key that stands
    twice is refused and the message names the file.
    """
    files = [str(file) for file in workflow.configfiles]
    for file in files:
        read_yaml(file)
    study = parse_study(config, os.path.relpath(files[-1]) if files else "the config")
    if workflow.is_main_process:
        say_run()
        # planning thousands of jobs takes a sixth longer with it, and frees nothing; the run's start switches it on
        gc.disable()
    for note in private.speed_up_planning(workflow):
        _say(f"note: {note}")
    source = str(Path(__file__).parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    paths = StudyPaths(study.study)
    check_folders([f"{paths.ledger}/file", f"{paths.log('x')}", f"{paths.plots}/file"])
    run = StudyRun(Plan(study, Machine.detect()), workflow)
    if workflow.is_main_process:
        check_folders(run.jobs.records(run.jobs.all))
    _latest[:] = [run]
    return run


def latest() -> StudyRun | None:
    """The study that this process has read; None before the Snakefile was read."""
    return _latest[0] if _latest else None


def _tell(reasons: Mapping[str, str], words: str) -> None:
    found = list(reasons.items())
    for record, why in found[:_MOST_LINES]:
        _say(f"{record} {words}: {why}")
    if len(found) > _MOST_LINES:
        _say(f"... and so {len(found) - _MOST_LINES} more")


def _clear_up(results: str) -> None:
    """Remove what killed jobs were writing."""
    begin, end = TEMPORARY
    for folder, folders, files in os.walk(results):
        left = [name for name in (*files, *folders) if name.startswith(begin) and name.endswith(end)]
        for name in left:
            path = os.path.join(folder, name)
            shutil.rmtree(path) if name in folders else os.unlink(path)
        folders[:] = [name for name in folders if name not in left]


def _say(words: str) -> None:
    sys.stderr.write(f"[bakeoff] {words}\n")
