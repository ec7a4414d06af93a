"""Decides which targets are timed once more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bakeoff.artifacts.contest import ContestRecord
from bakeoff.artifacts.io import read_record, write_record
from bakeoff.artifacts.plan import PlanRecord
from bakeoff.collect.contenders import contenders
from bakeoff.collect.records import Reader
from bakeoff.collect.result import read_targets
from bakeoff.config.study import Study
from bakeoff.core.cell import Cell
from bakeoff.core.paths import StudyPaths
from bakeoff.freshness.ledger import Entry, Ledger
from bakeoff.freshness.made import note_made
from bakeoff.study.further_rounds import further_rounds


def decide(study_json: dict[str, Any], plan_file: str, number: int, out: str, repair: str | None = None) -> list[Cell]:
    """Write down the targets of round `number`, by all rounds before it, and return them.

    Args:
        study_json: The study's configuration in JSON form.
        plan_file: plan.json.
        number: The round that is decided on.
        out: Where the record goes.
        repair: What the ledger notes of why this was done again; see `bakeoff.freshness.doubts`.
    """
    study = Study.model_validate(study_json)
    plan = read_record(plan_file, PlanRecord)
    paths = StudyPaths(study.study)
    ledger, name = Ledger(paths.ledger), str(Path(out).relative_to(paths.results))
    ledger.write(name, Entry(repair=repair))
    reader, further = Reader(), further_rounds(study, before=number)
    read = read_targets(reader, study, plan.targets, further)
    found = contenders(read, study)
    record = ContestRecord(target=Cell(study=study.study), status="ok", round=number, targets=found)
    write_record(out, record)
    note_made(ledger, name, [out], repair)
    return found
