"""What the Snakefile needs to turn a config into a staged plan."""

from __future__ import annotations

import functools
import gc
import logging
import os
import re
import sys
from collections.abc import Collection, Mapping
from typing import Any

from bakeoff.config.load import parse_study, read_yaml
from bakeoff.core.machine import Machine
from bakeoff.snakemake.before_run import before_runs
from bakeoff.snakemake.job_order import order_jobs
from bakeoff.study.job_parameters import Staging
from bakeoff.study.plan import Plan
from bakeoff.supervision.part_of_run import say_run

_PROGRESS = r"Select jobs to execute\.\.\.|Execute \d+ jobs\.\.\.|Touching output file .+\."


def read_study(config: Mapping[str, Any], workflow: Any) -> Staging:
    """Check the config and plan the study. Raises ConfigError.

    Snakemake has read the config files already; they are read once more, strictly, so that a key that stands
    twice is refused and the message names the file.
    """
    files = [str(file) for file in workflow.configfiles]
    for file in files:
        read_yaml(file)
    source = os.path.relpath(files[-1]) if files else "the config"
    study = parse_study(config, source)
    if workflow.is_main_process:
        say_run()
        # planning thousands of jobs takes a sixth longer with it, and frees nothing; the run's start switches it on
        gc.disable()
    # Snakemake would import pandas (a second) only to see whether a parameter is a data frame; none of ours is
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]
    # Snakemake asks for the script of each job three times, and takes its path apart as an address each time
    workflow.sourcecache._cache = functools.cache(workflow.sourcecache._cache)
    _look_up_pipes_once()
    leave_out_progress(workflow.output_settings.quiet or ())
    source_path = os.path.join(workflow.basedir, "src")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [source_path, os.environ.get("PYTHONPATH")]))
    staging = Staging(Plan(study, Machine.detect()))
    if workflow.is_main_process:
        before_runs(workflow, staging)
        if staging.plan.gpus:
            order_jobs(workflow)
    return staging


def leave_out_progress(quiet: Collection[Any]) -> None:
    """With `--quiet progress`, leave out what Snakemake says of each job that it selects, and of files it touches."""
    from snakemake.logging import logger
    from snakemake.settings.enums import Quietness

    if Quietness.PROGRESS in quiet:
        logger.addFilter(_is_no_progress)


def _is_no_progress(record: logging.LogRecord) -> bool:
    return not re.fullmatch(_PROGRESS, record.getMessage())


def _look_up_pipes_once() -> None:
    """Have Snakemake find out once which files are pipes.

    For each input of a job it looks through all jobs that make one: 10 s where results of 2,000 targets are collected.
    """
    from snakemake.jobs import Job

    @functools.lru_cache(maxsize=1)
    def pipes(dag: Any) -> frozenset[Any]:
        return frozenset(file for job in dag.jobs for file in job.pipe_or_service_output)

    def is_pipe_or_service_input(job: Any, path: Any) -> bool:
        return path in pipes(job.dag)

    Job.is_pipe_or_service_input = is_pipe_or_service_input
