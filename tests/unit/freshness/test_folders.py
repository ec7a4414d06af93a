"""What lies where a study has a folder is looked at before any job."""

from pathlib import Path

import pytest

from bakeoff.core.errors import BakeoffError
from bakeoff.freshness.folders import check_folders

FILES = ["results/s/net/eager/build.json", "results/s/.ledger/file", "plan.json"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_folders_and_what_is_not_there_yet_are_in_order():
    check_folders(FILES)
    Path("elsewhere/net").mkdir(parents=True)
    Path("results").mkdir()
    Path("results/s").symlink_to("../elsewhere")
    check_folders(FILES)


@pytest.mark.parametrize("path", ["results", "results/s", "results/s/net", "results/s/.ledger"])
def test_a_file_or_a_dangling_link_is_named(path):
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    for put in (place.touch, lambda: place.symlink_to("nowhere")):
        put()
        with pytest.raises(BakeoffError, match=f"^{path} is no folder, and one is needed there; move it away"):
            check_folders(FILES)
        place.unlink()
