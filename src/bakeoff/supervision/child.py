"""Runs one job in this fresh process: `python -m bakeoff.supervision.child STAGE SPEC.json RECORD.json`.

An exception becomes a failed record here; what kills the process is recorded by the supervisor.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path

from bakeoff.artifacts.base import Record
from bakeoff.artifacts.io import no_space, write_record
from bakeoff.artifacts.stages import RECORDS
from bakeoff.core.errors import BakeoffError
from bakeoff.core.job_messages import keep_to_self
from bakeoff.core.quoting import cause

MAX_CHARACTERS = 500
"""Length of the reason that a failed record quotes from an exception."""


def main(stage: str, spec_file: str, record_file: str) -> int:
    """Run the stage's job and write its record. Returns the exit status: 0 also for a recorded failure."""
    keep_to_self()
    spec = json.loads(Path(spec_file).read_text())
    record: Record
    try:
        record = importlib.import_module(f"bakeoff.jobs.{stage}").run(spec["job"])
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        full = no_space(error, Path(spec["log"]).parent, tempfile.gettempdir())
        record = failure(stage, spec, full or one_line(error), type(error).__name__)
    record.attempt = spec["attempt"]
    if not record.ok:
        record.log = record.log or spec["log"]
    write_record(record_file, record)
    return 0


def failure(stage: str, spec: dict, reason: str, error_type: str, status: str = "failed") -> Record:
    """The record of a job that did not do what it was asked."""
    return RECORDS[stage].model_validate(
        {
            "target": spec["job"]["target"],
            "status": status,
            "reason": reason,
            "error_type": error_type,
            "log": spec["log"],
            "attempt": spec["attempt"],
        }
    )


def one_line(error: BaseException) -> str:
    """The reason of a failure in one line: Bakeoff's own messages whole, others by their first meaningful line."""
    text = str(error).strip()
    if isinstance(error, BakeoffError):
        return " ".join(text.split())
    if isinstance(error, SystemExit):
        return f"the code called exit({error.code!r})"
    return cause(error, MAX_CHARACTERS) if text else f"{type(error).__name__}: no message"


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)
    # Not sys.exit: the record is written, and while libraries clean up at exit no other job could have the device.
    os._exit(status)
