"""Which of the jobs that could run Snakemake starts first, for the scheduler plugin `bakeoff`.

It chooses as Snakemake's own greedy scheduler does, but for three things that go wrong with that in a study on GPUs:

- A measurement could start, for it needs one core, and would then wait until no engine is built or checked: with 39 of
  them waiting on four GPUs, 64 cores built on 24, and a study that takes 22 minutes built for 11.
- A tuning build of four cores never fits where each core that becomes free goes to a narrower job at once: the longest
  builds, which have the highest priority of all builds, began when all others were done.
- More measurements than `STARTED_PER_GPU` on each GPU would only fill its memory and that of the host.

So measurements start when no work is left to be started, jobs of a lower priority when all of a higher one that could
run do, and only so many measurements at once (`--resources gpu=<n>` sets another limit).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from logging import Logger
from typing import Any

from snakemake_interface_scheduler_plugins.registry import SchedulerPluginRegistry

from bakeoff.artifacts.stages import stage_of_job
from bakeoff.devices.locks import MEASUREMENTS, STARTED_PER_GPU, WORK


class JobOrder:
    """Chooses the jobs of one run."""

    def __init__(self, dag: Any, logger: Logger, gpus: int) -> None:
        """For a run.

        Args:
            dag: Snakemake's jobs, by its interface for schedulers.
            logger: Snakemake's.
            gpus: How many GPUs the study is measured on; 0 on a CPU.
        """
        self._dag = dag
        greedy = SchedulerPluginRegistry().get_plugin("greedy")
        self._greedy: Any = greedy.scheduler(dag, greedy.settings_cls(), logger)
        self._gpus = gpus
        self._cores = 0
        self._measuring: list[Any] = []

    def select_jobs(
        self,
        selectable_jobs: Sequence[Any],
        remaining_jobs: Sequence[Any],
        available_resources: Mapping[str, int | str],
        input_sizes: dict[Any, int],
    ) -> Sequence[Any]:
        """Of the jobs that could run those to start with the resources that are free; see Snakemake's SchedulerBase."""
        if not self._gpus:
            return self._greedy.select_jobs(selectable_jobs, remaining_jobs, available_resources, input_sizes)
        free = dict(available_resources)
        # All cores are free when it is first asked, as nothing runs yet.
        self._cores = max(self._cores, int(free["_cores"]))
        nothing_runs = free["_cores"] == self._cores
        could_run = list(selectable_jobs)
        # What is left may hang on a job that failed: if nothing runs that could make it ready, it is not waited for.
        if any(_is(WORK, job) for job in (could_run if nothing_runs else remaining_jobs)):
            could_run = [job for job in could_run if not _is(MEASUREMENTS, job)]
        started = self._in_order(could_run, remaining_jobs, free, input_sizes)
        return self._at_once(started, nothing_runs) if "gpu" not in available_resources else started

    def _in_order(
        self, could_run: list[Any], remaining: Sequence[Any], free: dict[str, Any], input_sizes: dict[Any, int]
    ) -> list[Any]:
        """Greedily among jobs of one priority, and of a lower one only when all of the higher ones start."""
        by_priority: dict[int, list[Any]] = {}
        for job in could_run:
            by_priority.setdefault(job.priority, []).append(job)
        selected: list[Any] = []
        for _, equals in sorted(by_priority.items(), reverse=True):
            begun = list(self._greedy.select_jobs(equals, remaining, free, input_sizes))
            selected += begun
            if len(begun) < len(equals):
                break
            for name in free:
                free[name] -= sum(job.scheduler_resources.get(name, 0) for job in begun)
        return selected

    def _at_once(self, started: list[Any], nothing_runs: bool) -> list[Any]:
        """Without the measurements beyond those that may be under way at once."""
        self._measuring = [] if nothing_runs else [job for job in self._measuring if not self._dag.finished(job)]
        room = STARTED_PER_GPU * self._gpus - len(self._measuring)
        measurements = [job for job in started if _is(MEASUREMENTS, job)][: max(0, room)]
        self._measuring += measurements
        return [job for job in started if not _is(MEASUREMENTS, job) or job in measurements]


def _is(stages: Collection[str], job: Any) -> bool:
    """Whether a job is of one of these stages; a group of jobs is of none."""
    return stage_of_job([str(file) for file in getattr(job, "output", ())]) in stages
