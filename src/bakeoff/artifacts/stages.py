"""The stages of a study, the record that each leaves, and what Snakemake tracks that no job is told."""

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

TRACKED_ONLY = ("versions", "made_on", "code")
"""Parameters that make results stale but that no job is told."""
