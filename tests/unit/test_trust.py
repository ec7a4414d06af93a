"""What on disk is as its job left it is trusted; what is not is named, with the reason in words."""

import os
from pathlib import Path

import pytest

from bakeoff.freshness.distrust import distrusted
from bakeoff.freshness.ledger import Entry, Ledger, param_digests, stamp

PARAMS = {"made_on": "a processor", "versions": {"torch": "2"}, "timing": {"max_s": 1}}


class Study:
    """One record with an engine file, as a job leaves them."""

    def __init__(self) -> None:
        self.results = "results/s"
        self.record, self.engine = f"{self.results}/m/build.json", f"{self.results}/m/engine.bin"
        Path(self.record).parent.mkdir(parents=True)
        Path(self.record).write_text('{"status": "ok"}')
        Path(self.engine).write_bytes(b"engine")
        self.ledger = Ledger(f"{self.results}/.ledger")
        self.note()

    def note(self, home: str = "here") -> None:
        files = {path: stamp(path) for path in (self.record, self.engine)}
        self.ledger.write("m/build.json", Entry(0, home, param_digests(PARAMS), files))

    def why(self, here: str | None = "here", refresh: bool = False, **params: object) -> str | None:
        found = distrusted([self.record], self.results, self.ledger, here, lambda record: {**PARAMS, **params}, refresh)
        return found.get(self.record)


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Study()


def test_what_is_as_it_was_made_is_trusted(study):
    assert study.why() is None


def test_a_record_that_was_never_made_is_snakemakes_affair(study):
    Path(study.record).unlink()
    assert study.why() == "build.json is missing"
    study.ledger.write("m/build.json", Entry())
    assert "interrupted" in study.why()
    Path(study.results, ".ledger/m/build.json").unlink()
    assert study.why() is None


@pytest.mark.parametrize("which", ["record", "engine"])
def test_a_file_of_another_size_is_named(study, which):
    path = Path(getattr(study, which))
    path.write_bytes(path.read_bytes()[:-2])
    assert path.name in study.why()
    assert "bytes" in study.why()


def test_a_file_of_other_content_and_equal_size_is_named(study):
    Path(study.engine).write_bytes(b"enginf")
    assert study.why() == "engine.bin is not as it was made (its content differs)"


def test_a_missing_file_is_named(study):
    Path(study.engine).unlink()
    assert study.why() == "engine.bin is missing"


def test_a_file_of_another_time_and_equal_content_is_read_once(study):
    os.utime(study.engine, (1, 1))
    assert study.why() is None
    assert study.ledger.read("m/build.json").files[study.engine].mtime_ns != 10**9
    assert study.why(refresh=True) is None
    assert study.ledger.read("m/build.json").files[study.engine].mtime_ns == 10**9


def test_an_interrupted_job_is_not_trusted(study):
    study.ledger.write("m/build.json", Entry())
    assert "interrupted" in study.why()


def test_a_record_without_an_entry_is_not_trusted(study):
    Path(study.results, ".ledger/m/build.json").unlink()
    assert study.why() == "nothing tells how it was made"


@pytest.mark.parametrize("here", ["there", None])
def test_results_from_elsewhere_are_trusted_where_they_would_be_made_alike(study, here):
    assert study.why(here) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"made_on": "another processor"}, "on another device"),
        ({"versions": {"torch": "3"}}, "with other versions"),
        ({"timing": {"max_s": 2}}, "with another timing"),
        ({"made_on": "x", "timing": {}}, "on another device, with another timing"),
        ({"new": 1}, "with another new"),
    ],
)
def test_results_from_elsewhere_tell_what_was_different(study, change, words):
    assert study.why("there", **change) == f"it was made elsewhere, {words}"
    assert study.why("here", **change) is None
