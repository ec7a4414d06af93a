"""What Bakeoff uses and changes inside Snakemake, since no public interface offers it.

`speed_up_planning` makes planning faster, and `planned_for`, `asked_for` and `outputs_to_make` only decide what is
printed. Where a version of Snakemake lacks a piece, that piece is left out and all still works; where planning takes
longer without it, a note says so. tests/unit/snakemake/test_private.py shows that each still takes effect.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

_WILDCARDS: Any = inspect.signature(lambda wildcards: None).parameters


def speed_up_planning(workflow: Any) -> list[str]:
    """Apply every piece to this process; returns a note for each that could not be applied."""
    missing = [
        name
        for name, apply in (
            ("the cache of its scripts (SourceCache._cache)", lambda: _keep_scripts(workflow)),
            ("the lookup of pipes (Job.is_pipe_or_service_input)", _look_up_pipes_once),
            ("the parameters of functions (snakemake.common.overwrite_function_params)", _can_name_parameters),
        )
        if not apply()
    ]
    _leave_out_pandas()
    return [f"this Snakemake lacks {name}, so planning a large study takes longer" for name in missing]


def planned_for(workflow: Any) -> str | None:
    """What Snakemake plans jobs for, while it does: a `run`, a `dry run`, or None for what only looks (`--summary`)."""
    if getattr(workflow, "executor_plugin", None) is None:
        return None
    return "dry run" if getattr(workflow, "dryrun", False) else "run"


def asked_for(workflow: Any, rule: str) -> bool:
    """Whether everything that a rule rests on is planned, as the target by default or by its name.

    True, too, where that cannot be found out.
    """
    settings = getattr(workflow, "dag_settings", None)
    if getattr(settings, "until", None) or getattr(settings, "omit_from", None):
        return False
    targets = getattr(settings, "targets", None)
    return not targets or rule in targets


def outputs_to_make(workflow: Any) -> list[list[str]]:
    """The outputs of each job that a run is going to do; nothing where that cannot be found out."""
    needrun = getattr(getattr(workflow, "dag", None), "needrun_jobs", None)
    return [[str(file) for file in job.output] for job in needrun()] if callable(needrun) else []


def of_wildcards(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of a rule's wildcards that tells Snakemake so itself; Snakemake inspects others three times a job."""

    def asked(wildcards: Any) -> Any:
        return function(wildcards)

    try:
        from snakemake.common import overwrite_function_params
    except ImportError:
        return asked
    overwrite_function_params(asked, _WILDCARDS)
    return asked


def _can_name_parameters() -> bool:
    """Whether `of_wildcards` saves Snakemake the inspection of functions."""
    try:
        from snakemake.common import overwrite_function_params  # noqa: F401
    except ImportError:
        return False
    return True


def _keep_scripts(workflow: Any) -> bool:
    """Snakemake asks for the script of each job three times, and takes its path apart as an address each time."""
    cache = getattr(getattr(workflow, "sourcecache", None), "_cache", None)
    if not callable(cache):
        return False
    if not hasattr(cache, "cache_info"):
        workflow.sourcecache._cache = functools.cache(cache)
    return True


def _look_up_pipes_once() -> bool:
    """Have Snakemake find out once which files are pipes.

    For each input of a job it looks through all jobs that make one: 10 s where results of 2,000 targets are collected.
    """
    from snakemake.jobs import Job

    if not hasattr(Job, "is_pipe_or_service_input"):
        return False

    @functools.lru_cache(maxsize=1)
    def pipes(dag: Any) -> frozenset[Any]:
        return frozenset(file for job in dag.jobs for file in job.pipe_or_service_output)

    def is_pipe_or_service_input(job: Any, path: Any) -> bool:
        return path in pipes(job.dag)

    Job.is_pipe_or_service_input = is_pipe_or_service_input
    return True


def _leave_out_pandas() -> None:
    """Snakemake would import pandas (a second) only to see whether a parameter is a data frame; none of ours is."""
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]
