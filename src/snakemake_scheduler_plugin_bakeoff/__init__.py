"""How Snakemake finds Bakeoff's scheduler: a package of this name. What it does is in `bakeoff.snakemake.job_order`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from snakemake_interface_scheduler_plugins.base import SchedulerBase


class Scheduler(SchedulerBase):
    """Snakemake makes it when a run begins, after the jobs were planned and before the first one starts."""

    def __post_init__(self) -> None:
        """Begin the run of the study that the Snakefile has read."""
        # Only now: Snakemake imports this package before the Snakefile says which checkout's library is to be used.
        from bakeoff.snakemake.job_order import JobOrder
        from bakeoff.snakemake.study_run import latest

        run = latest()
        self._order = JobOrder(self.dag, self.logger, len(run.plan.gpus) if run else 0)
        if run:
            run.begin([str(file) for file in job.output] for job in self.dag.needrun_jobs())

    def select_jobs(
        self,
        selectable_jobs: Sequence[Any],
        remaining_jobs: Sequence[Any],
        available_resources: Mapping[str, int | str],
        input_sizes: dict[Any, int],
    ) -> Sequence[Any]:
        """See SchedulerBase.select_jobs."""
        return self._order.select_jobs(selectable_jobs, remaining_jobs, available_resources, input_sizes)
