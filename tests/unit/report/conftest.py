"""Reports made once for all tests of this folder."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from report_fixture import make_collected

from bakeoff.artifacts.io import write_record
from bakeoff.report.build import write_report


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """(what was collected, the report's folder) of a study full of hostile strings."""
    folder = tmp_path_factory.mktemp("hostile")
    collected = make_collected()
    write_record(folder / "collected.json", collected)
    write_report(folder / "collected.json", folder / "report")
    return collected, folder / "report"
