"""Has Snakemake note that a study's records are the outputs of its jobs: `python remember.py study.yaml`.

This is Snakemake's own bookkeeping after a job (`job.postprocess`: its outputs are there, its metadata is written), for
every job of the planned study without running any. `snakemake --touch` does the same one job at a time, which takes
longer the more jobs there are: hours for thousands.
"""

from __future__ import annotations

import sys
from pathlib import Path

from snakemake.cli import main
from snakemake.scheduling.job_scheduler import JobScheduler

from bakeoff.config.load import load_study
from bakeoff.core.machine import Machine
from bakeoff.study.jobs import StudyJobs
from bakeoff.study.plan import Plan

SNAKEFILE = Path(__file__).parents[2] / "Snakefile"


def note_all(scheduler: JobScheduler) -> bool:
    """In place of running the jobs."""
    dag = scheduler.workflow.dag

    async def note() -> None:
        for job in dag.needrun_jobs():
            await job.postprocess(handle_log=False, handle_touch=False)

    scheduler.workflow.async_run(note())
    return True


if __name__ == "__main__":
    config = sys.argv[1]
    jobs = StudyJobs(Plan(load_study(config), Machine.detect()))
    records = jobs.records(jobs.all)
    JobScheduler.schedule = note_all
    # forced: to Snakemake, which knows nothing of these files yet, they seem up to date
    main(["--snakefile", str(SNAKEFILE), "--cores", "1", "--forceall", *records, "--configfile", config])
