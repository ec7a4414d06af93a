"""Runs every job of a study without Snakemake and without a process for each, and leaves their records.

The jobs are Bakeoff's own (`bakeoff.jobs.<stage>.run`), told what Snakemake would tell them. What is left out is the
two processes that each of them has otherwise: for thousands of jobs of a millisecond those are hours. Snakemake is
told afterwards, with its own `--touch`, that these files are its outputs.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import SimpleNamespace
from typing import Any

from bakeoff.artifacts.io import write_record
from bakeoff.artifacts.stages import RECORD_FILES, TRACKED_ONLY
from bakeoff.config.load import load_study
from bakeoff.core.machine import Machine
from bakeoff.freshness.working_folder import make_working_folder_token
from bakeoff.snakemake.script import note_done
from bakeoff.study.job_parameters import Staging
from bakeoff.study.plan import Plan

Job = tuple[str, str, dict[str, Any]]
"""Stage, folder of its record, wildcards."""


def make_results(config: str) -> int:
    """Run the jobs of the study in the working directory. Returns how many records it has now."""
    make_working_folder_token()
    staging = Staging(Plan(load_study(config), Machine.detect()))
    references = list(_references(staging))
    # These import torch, and each timing job first collects garbage: a hundred times slower with torch around.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(_run_all, config, references).result()
    others = list(_others(staging))
    _run_all(config, others)
    return len(references) + len(others)


def _references(staging: Staging) -> Iterator[Job]:
    yield "environment", staging.paths.results, {}
    for model in staging.study.models:
        yield "reference", staging.paths.reference(model), {"model": model}
    for export in staging.plan.exports:
        of = {"model": export.model, "format": export.format, "precision": export.precision}
        yield "export", staging.export_folder(export), {**of, "fixed": ""}


def _others(staging: Staging) -> Iterator[Job]:
    for engine in staging.plan.engines:
        of = {"model": engine.model, "backend": engine.backend, "precision": engine.precision}
        for stage in ("build", "verify"):
            yield stage, staging.engine_folder(engine), {**of, "fixed": ""}
    for target in staging.plan.targets:
        of = {"model": target.model, "backend": target.backend, "precision": target.precision}
        of["batch"] = str(target.batch_size)
        folder = staging.paths.target(*of.values())
        if staging.study.profile.enabled:
            yield "profile", folder, of
        for k in range(1, staging.study.timing.rounds + 1):
            yield "time", f"{folder}/round{k}", {**of, "round": str(k)}


def _run_all(config: str, jobs: list[Job]) -> None:
    staging = Staging(Plan(load_study(config), Machine.detect()))
    for stage, folder, wildcards in jobs:
        params = staging.params(stage, SimpleNamespace(**wildcards))
        job = {name: value for name, value in params.items() if name not in TRACKED_ONLY}
        record = importlib.import_module(f"bakeoff.jobs.{stage}").run(job)
        if not record.ok:
            raise RuntimeError(f"{stage} of {record.target.words()}: {record.reason}")
        write_record(f"{folder}/{RECORD_FILES[stage]}", record)
        note_done(staging.paths, f"{folder}/{RECORD_FILES[stage]}", record, params)


if __name__ == "__main__":
    import sys

    make_results(sys.argv[1])
