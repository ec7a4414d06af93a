"""The token of a working directory."""

from pathlib import Path

import pytest

from bakeoff.freshness.working_folder import make_working_folder_token, working_folder_token

FILE, EARLIER = Path(".snakemake/bakeoff-folder"), Path(".snakemake/bakeoff-home")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FILE.parent.mkdir()


def test_it_is_made_once():
    assert working_folder_token() is None
    make_working_folder_token()
    made = working_folder_token()
    assert made
    make_working_folder_token()
    assert working_folder_token() == made


def test_a_folder_of_an_earlier_version_has_not_moved():
    EARLIER.write_text("a token\n")
    assert working_folder_token() == "a token"
    make_working_folder_token()
    EARLIER.unlink()
    assert working_folder_token() == "a token"


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00", b"", b"\n"])
def test_a_damaged_one_is_made_anew(damage):
    FILE.write_bytes(damage)
    assert working_folder_token() is None
    make_working_folder_token()
    assert len(working_folder_token()) == 32
