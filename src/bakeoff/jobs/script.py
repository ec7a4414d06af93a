"""What a rule's script does: hand the rule's parameters to the supervisor, note the attempt, say what happens."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from bakeoff.artifacts.base import TargetId
from bakeoff.jobs.device_lock import device_lock
from bakeoff.jobs.ledger import note_attempt
from bakeoff.jobs.progress import Progress
from bakeoff.jobs.stages import DOING
from bakeoff.jobs.supervise import run_stage
from bakeoff.paths import StudyPaths
from bakeoff.staging import TRACKED_ONLY

EXCLUSIVE = ("time", "profile")
"""Stages that own their device: locked, so that two studies on one host cannot disturb each other."""


def run_job(stage: str, snakemake: Any) -> None:
    """Run the job of one rule. `snakemake` is the object that Snakemake gives its scripts."""
    given = dict(snakemake.params.items())
    attempt = given.pop("attempt")
    job = {name: value for name, value in given.items() if name not in TRACKED_ONLY}
    paths = StudyPaths(job["target"]["study"])
    record_file, log = snakemake.output[0], snakemake.log[0]
    progress = Progress(paths.results)
    words = f"{DOING[stage]} {TargetId.model_validate(job['target']).words()}"
    needs = [str(file) for file in snakemake.input if str(file).endswith(".json")]
    with device_lock(job["device"], progress.say) if stage in EXCLUSIVE else contextlib.nullcontext():
        progress.start(stage, words)
        record = run_stage(stage, job, record_file, log, attempt, snakemake.resources.limit_s, needs)
    noted = str(Path(record_file).relative_to(paths.results))
    note_attempt(paths.ledger, noted, attempt, record.status == "failed")
    progress.finish(stage, record.wall_s)
    if record.status == "failed":
        progress.say(f"FAILED {words}: {record.reason} (log: {log})")
