"""Which of the jobs that could run Snakemake starts first, in a study on GPUs.

Snakemake fills its cores with whatever fits. Two things go wrong with that on GPUs:

- A measurement could start, for it needs one core, and then waits until no engine is built or checked: with 39 of them
  waiting on four GPUs, 64 cores built on 24, and a study that takes 22 minutes built for 11.
- A tuning build of four cores never fits where each core that becomes free goes to a narrower job at once: the longest
  builds, which have the highest priority of all builds, began when all others were done.

So measurements start when no work is left to be started, and jobs of a lower priority when those of a higher one that
could run do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from bakeoff.devices.locks import MEASUREMENTS, WORK

Select = Callable[..., Sequence[Any]]
"""As the method `select_jobs` of Snakemake's schedulers: of the jobs that could run, in any order, and all that are
left to be started, those to start with the resources there are."""


def order_jobs(workflow: Any) -> None:
    """Have Snakemake's greedy scheduler, which every run falls back to, select jobs so."""
    from snakemake.scheduling.greedy import Scheduler

    Scheduler.select_jobs = in_order(Scheduler.select_jobs, lambda: workflow.cores)


def in_order(select: Select, cores: Callable[[], int]) -> Select:
    """The selection, by priority, and with measurements last.

    `cores` says how many Snakemake was given; asked only then, since commands that run nothing may give none.
    """

    def select_in_order(
        scheduler: Any, could_run: Collection[Any], left: Collection[Any], free: Mapping[str, Any], sizes: Any
    ) -> list[Any]:
        # What is left may hang on a job that failed: if nothing runs that could make it ready, it is not waited for.
        nothing_runs = free["_cores"] == cores()
        if any(_is(WORK, job) for job in (could_run if nothing_runs else left)):
            could_run = [job for job in could_run if not _is(MEASUREMENTS, job)]
        by_priority: dict[int, list[Any]] = {}
        for job in could_run:
            by_priority.setdefault(job.priority, []).append(job)
        selected: list[Any] = []
        free = dict(free)
        for _, equals in sorted(by_priority.items(), reverse=True):
            begun = list(select(scheduler, equals, left, free, sizes))
            selected += begun
            if len(begun) < len(equals):
                break
            for name in free:
                free[name] -= sum(job.scheduler_resources.get(name, 0) for job in begun)
        return selected

    return select_in_order


def _is(stages: Collection[str], job: Any) -> bool:
    return not job.is_group() and job.rule.name in stages
