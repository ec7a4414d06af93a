"""Runs every job of a study without Snakemake and without a process for each, and leaves their records.

The jobs are Bakeoff's own (`bakeoff.jobs.<stage>.run`), told what Snakemake would tell them. What is left out is the
two processes that each of them has otherwise: for thousands of jobs of a millisecond those are hours. Snakemake is
told afterwards, with its own `--touch`, that these files are its outputs.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from bakeoff.artifacts.io import write_record
from bakeoff.artifacts.stages import TRACKED_ONLY
from bakeoff.collect.job import write_plan
from bakeoff.config.load import load_study
from bakeoff.core.machine import Machine
from bakeoff.freshness.working_folder import make_working_folder_token
from bakeoff.snakemake.script import note_done
from bakeoff.study.job_parameters import JobParameters
from bakeoff.study.jobs import Job, StudyJobs
from bakeoff.study.plan import Plan

_IMPORT_TORCH = ("environment", "reference", "export")


def make_results(config: str, leave_out: Collection[str] = ()) -> int:
    """Run the jobs of the study in the working directory, but for the stages left out.

    Returns how many records it has now.
    """
    make_working_folder_token()
    plan = Plan(load_study(config), Machine.detect())
    jobs = [job for job in StudyJobs(plan).all if job.stage not in leave_out]
    # References come before exports, and builds before what is judged and measured.
    first = sorted((job for job in jobs if job.stage in _IMPORT_TORCH), key=lambda job: _IMPORT_TORCH.index(job.stage))
    others = [job for job in jobs if job.stage not in _IMPORT_TORCH]
    # These import torch, and each timing job first collects garbage: a hundred times slower with torch around.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(_run_all, config, first).result()
    _run_all(config, others)
    write_plan(plan.record().model_dump_json(by_alias=True), plan.paths.plan)
    return len(jobs)


def _run_all(config: str, todo: list[Job]) -> None:
    jobs = StudyJobs(Plan(load_study(config), Machine.detect()))
    parameters = JobParameters(jobs)
    for job in todo:
        params = parameters.of(job)
        told = {name: value for name, value in params.items() if name not in TRACKED_ONLY}
        record = importlib.import_module(f"bakeoff.jobs.{job.stage}").run(told)
        if not record.ok:
            raise RuntimeError(f"{job.stage} of {record.target.words()}: {record.reason}")
        write_record(jobs.record(job), record)
        note_done(jobs.paths, jobs.record(job), record, params)


if __name__ == "__main__":
    import sys

    make_results(sys.argv[1])
