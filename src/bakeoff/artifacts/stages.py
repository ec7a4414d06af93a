"""The stages of a study, the record that each leaves, and what Snakemake tracks that no job is told."""

from collections.abc import Iterable

from bakeoff.artifacts.accuracy import AccuracyRecord, ReferenceRecord
from bakeoff.artifacts.base import Record
from bakeoff.artifacts.build import BuildRecord, CalibrationRecord, ExportRecord
from bakeoff.artifacts.environment import EnvironmentRecord
from bakeoff.artifacts.profile import ProfileRecord
from bakeoff.artifacts.timing import TimingRecord

RECORDS: dict[str, type[Record]] = {
    "environment": EnvironmentRecord,
    "reference": ReferenceRecord,
    "calibrate": CalibrationRecord,
    "export": ExportRecord,
    "build": BuildRecord,
    "verify": AccuracyRecord,
    "profile": ProfileRecord,
    "time": TimingRecord,
}

RECORD_FILES: dict[str, str] = {
    "environment": "environment.json",
    "reference": "reference.json",
    "calibrate": "calibration.json",
    "export": "export.json",
    "build": "build.json",
    "verify": "accuracy.json",
    "profile": "profile.json",
    "time": "timing.json",
}

_STAGES = {name: stage for stage, name in RECORD_FILES.items()}


def stage_of(path: str) -> str | None:
    """The stage whose record lies at a path; None for any other file."""
    return _STAGES.get(path.rpartition("/")[2])


def stage_of_job(outputs: Iterable[str]) -> str | None:
    """The stage of a job that makes these files; None where it leaves no record of a stage."""
    return next((stage for path in outputs if (stage := stage_of(path))), None)


DOING: dict[str, str] = {
    "environment": "looking at the machine",
    "reference": "making the reference of",
    "calibrate": "making the calibration set of",
    "export": "exporting",
    "build": "building",
    "verify": "checking the accuracy of",
    "profile": "profiling",
    "time": "timing",
}

TRACKED_ONLY = ("versions", "made_on", "variables", "compiler", "code")
"""Parameters that make results stale but that no job is told."""
