"""Collects a study as its rule asks: from the configuration alone to collected.json and results.csv."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bakeoff.artifacts.io import write_record, write_text
from bakeoff.collect.collect import collect
from bakeoff.collect.planned import PlannedTarget
from bakeoff.collect.table import csv_text
from bakeoff.config.study import Study
from bakeoff.core.machine import Machine
from bakeoff.freshness.ledger import Entry, Ledger, stamp
from bakeoff.freshness.working_folder import home
from bakeoff.study.job_parameters import Staging
from bakeoff.study.plan import Plan, Target


def collect_study(study_json: dict[str, Any], collected_file: str, csv_file: str) -> None:
    """Write collected.json and results.csv of a study, given as its configuration in JSON form."""
    study = Study.model_validate(study_json)
    staging = Staging(Plan(study, Machine.detect()))
    paths = staging.paths
    ledger, name = Ledger(paths.ledger), Path(collected_file).name
    ledger.write(name, Entry())
    collected = collect(
        study,
        [planned(staging, target) for target in staging.plan.targets],
        paths.environment,
        {model: f"{paths.reference(model)}/reference.json" for model in study.models},
    )
    write_text(csv_file, csv_text(collected))
    write_record(collected_file, collected)
    files = {file: stamp(file) for file in (collected_file, csv_file)}
    ledger.write(name, Entry(home=home(), files=files))


def planned(staging: Staging, target: Target) -> PlannedTarget:
    """A target of the plan with the paths of its records."""
    engine = staging.engine_folder(staging.plan.engine_of(target))
    records = staging.target_records(target)
    return PlannedTarget(
        model=target.model,
        backend=target.backend,
        precision=target.precision,
        batch_size=target.batch_size,
        device=target.device,
        unsupported_build_reason=target.cannot_build,
        unsupported_run_reason=target.cannot_run,
        build=f"{engine}/build.json",
        accuracy=f"{engine}/accuracy.json",
        profile=next((record for record in records if record.endswith("profile.json")), None),
        timing=[record for record in records if record.endswith("timing.json")],
    )
