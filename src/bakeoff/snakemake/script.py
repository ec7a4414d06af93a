"""What a rule's script does: hand the rule's parameters to the supervisor, note how it went, say what happens."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from bakeoff.artifacts.base import Record
from bakeoff.artifacts.stages import DOING, TRACKED_ONLY
from bakeoff.config.study import Batch
from bakeoff.core.cell import Cell
from bakeoff.core.job_messages import HAS_DEVICE, ORDER, UNDER_WAY
from bakeoff.core.machine import Machine
from bakeoff.core.paths import StudyPaths
from bakeoff.devices.locks import place
from bakeoff.freshness.ledger import Entry, Ledger, Stamp, param_digests, stamp
from bakeoff.freshness.made import note_made
from bakeoff.freshness.working_folder import working_folder_token
from bakeoff.supervision.part_of_run import part_of_run
from bakeoff.supervision.progress import Progress
from bakeoff.supervision.supervise import Message, run_stage


def run_job(stage: str, snakemake: Any) -> None:
    """Run the job of one rule. `snakemake` is the object that Snakemake gives its scripts."""
    with part_of_run():
        _run(stage, snakemake)


def _run(stage: str, snakemake: Any) -> None:
    given = dict(snakemake.params.items())
    attempt, repair = given.pop("attempt"), given.pop("repair")
    job = {name: value for name, value in given.items() if name not in TRACKED_ONLY}
    if stage == "reference":
        # No parameter of the rule: a reference is none the worse for a batch size that the study gets later. It is
        # asked for only where the model takes no other.
        job["batch_size"] = Batch.model_validate(snakemake.config.get("batch") or {}).only
    paths = StudyPaths(job["target"]["study"])
    record_file, log = snakemake.output[0], snakemake.log[0]
    progress = Progress(paths.results)
    words = _words(stage, job)
    needs = [str(file) for file in snakemake.input if str(file).endswith(".json")]
    Ledger(paths.ledger).write(str(Path(record_file).relative_to(paths.results)), Entry(attempt, repair))
    if (order := snakemake.resources.get("order")) is not None:
        os.environ[ORDER] = str(order)
    gpus = Machine.detect().gpus_for(snakemake.config.get("device", "auto"))
    under_way: list[Message] = []

    def hear(message: Message) -> None:
        if message["event"] == HAS_DEVICE and where.locks:
            progress.start(stage, words)
        elif message["event"] == UNDER_WAY:
            under_way.append(message)

    with place(stage, job.get("device"), gpus, progress.say) as where:
        begin = time.time()
        if not where.locks:
            progress.start(stage, words)
        limit_s = snakemake.resources.limit_s
        record = run_stage(stage, job, record_file, log, attempt, limit_s, needs, where, hear)
    note_done(paths, record_file, record, given, attempt, repair)
    progress.finish(stage, record.wall_s, begin, under_way)
    if record.status == "failed":
        progress.say(f"FAILED {words}: {record.reason} (log: {log})")


def _words(stage: str, job: dict[str, Any]) -> str:
    """What a job does, as a person would say it: `exporting resnet18 · fp16 as onnx`."""
    if stage == "environment":
        return DOING[stage]
    words = f"{DOING[stage]} {Cell(**job['target']).words()}"
    return f"{words} as {job['format']}" if "format" in job else words


def note_done(
    paths: StudyPaths,
    record_file: str,
    record: Record,
    params: dict[str, Any],
    attempt: int = 0,
    repair: str | None = None,
) -> None:
    """Note in the ledger how a job ended, what it was told, and what it made."""
    attempts = attempt + (record.status == "failed")
    entry = Entry(attempts, repair, working_folder_token(), param_digests(params), _stamps(record_file, record))
    Ledger(paths.ledger).write(str(Path(record_file).relative_to(paths.results)), entry)


def note_whole(snakemake: Any) -> None:
    """Note in the ledger what a rule made of a study's collected results: its output, or all files of its folder.

    Snakemake sees that an output is gone, but not that a file within a folder is.
    """
    made = Path(snakemake.output[0])
    paths = StudyPaths(Path(snakemake.input.collected).parent.name)
    files = sorted(str(file) for file in made.rglob("*") if file.is_file()) if made.is_dir() else [str(made)]
    note_made(Ledger(paths.ledger), str(made).removeprefix(f"{paths.results}/"), files, snakemake.params.repair)


def _stamps(record_file: str, record: Record) -> dict[str, Stamp]:
    """The record and the files that belong to it, as they are now; hashed unless the record has their digests."""
    folder = Path(record_file).parent
    known: dict[str, str | None] = {record_file: None}
    known |= {str(folder / name): file.sha256 for name, file in getattr(record, "files", {}).items()}
    for file, sha256 in (("samples", getattr(record, "samples_digest", None)), ("trace", None)):
        if getattr(record, file, None):
            known[getattr(record, file)] = sha256
    return {path: stamp(path, sha256) for path, sha256 in known.items()}
