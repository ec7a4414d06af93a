"""Collects a study as its rule asks: from plan.json and the records to collected.json and results.csv."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bakeoff.artifacts.io import read_record, write_record, write_text
from bakeoff.artifacts.plan import PlanRecord
from bakeoff.collect.collect import collect
from bakeoff.collect.table import csv_text
from bakeoff.config.study import Study
from bakeoff.core.paths import StudyPaths
from bakeoff.freshness.ledger import Entry, Ledger
from bakeoff.freshness.made import note_made


def collect_study(
    study_json: dict[str, Any], plan_file: str, collected_file: str, csv_file: str, repair: str | None = None
) -> None:
    """Write collected.json and results.csv of a study.

    Args:
        study_json: The study's configuration in JSON form.
        plan_file: plan.json.
        collected_file: Where collected.json goes.
        csv_file: Where results.csv goes.
        repair: What the ledger notes of why this was done again; see `bakeoff.freshness.doubts`.

    Raises BakeoffError where plan.json is missing, DamagedError where it is damaged.
    """
    study = Study.model_validate(study_json)
    plan = read_record(plan_file, PlanRecord)
    ledger, name = Ledger(StudyPaths(study.study).ledger), Path(collected_file).name
    ledger.write(name, Entry(repair=repair))
    collected = collect(study, plan.targets)
    write_text(csv_file, csv_text(collected))
    write_record(collected_file, collected)
    note_made(ledger, name, [collected_file, csv_file], repair)


def write_plan(plan_json: str, plan_file: str, repair: str | None = None) -> None:
    """Write plan.json as it was planned when the Snakefile was read, and note it in the ledger."""
    record = PlanRecord.model_validate_json(plan_json)
    write_record(plan_file, record)
    note_made(Ledger(StudyPaths(record.target.study).ledger), Path(plan_file).name, [plan_file], repair)
