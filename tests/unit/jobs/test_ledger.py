"""The ledger keeps what the next run must know of each job, and bears damage of its own files."""

import os

import pytest

from bakeoff.freshness.ledger import Entry, Ledger, param_digests, stamp

RECORD = "m/b/fp32/build.json"


def test_an_entry_is_read_as_it_was_written(tmp_path):
    file = tmp_path / "engine.bin"
    file.write_bytes(b"engine")
    entry = Entry(attempt=2, made_in="here", params={"threads": "0a"}, files={str(file): stamp(file)})
    ledger = Ledger(tmp_path / ".ledger")
    assert ledger.read(RECORD) is None
    ledger.write(RECORD, entry)
    assert ledger.read(RECORD) == entry


@pytest.mark.parametrize("text", ["", "many", "[1]", '{"attempt": "x"}', '{"attempt": 1, "made_in": null}', "\0\0"])
def test_a_damaged_entry_is_none(tmp_path, text):
    ledger = Ledger(tmp_path)
    ledger.write(RECORD, Entry(attempt=1))
    (tmp_path / RECORD).write_text(text)
    assert ledger.read(RECORD) is None


def test_a_stamp_tells_size_time_and_content(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    os.utime(file, ns=(5, 7))
    made = stamp(file)
    assert made[:2] == (3, 7)
    assert made.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert stamp(file, "known").sha256 == "known"


def test_digests_of_parameters_differ_where_values_do():
    first = param_digests({"timing": {"max_s": 1, "min_s": 2}, "inputs": [1, (2,)]})
    assert first == param_digests({"timing": {"min_s": 2, "max_s": 1}, "inputs": (1, [2])})
    second = param_digests({"timing": {"max_s": 1.5, "min_s": 2}, "inputs": [1, [2]]})
    assert first["inputs"] == second["inputs"]
    assert first["timing"] != second["timing"]
