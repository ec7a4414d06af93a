"""What on disk is as its job left it is trusted; what is not is named, with the reason in words."""

import json
import os
from pathlib import Path

import pytest

from bakeoff.freshness.doubts import Doubts
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

    def note(self, made_in: str = "here", repair: str | None = None) -> None:
        files = {path: stamp(path) for path in (self.record, self.engine)}
        self.ledger.write("m/build.json", Entry(0, repair, made_in, param_digests(PARAMS), files))

    def doubts(self, here: str | None = "here", **params: object) -> Doubts:
        return Doubts([self.record], self.results, self.ledger, here, lambda record: {**PARAMS, **params})

    def why(self, here: str | None = "here", **params: object) -> str | None:
        return self.doubts(here, **params).by_record.get(self.record)

    def repair(self, here: str | None = "here") -> str | None:
        return self.doubts(here).repair(self.record)


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
    study.doubts().note_times()
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


def test_the_tracked_parameter_stays_as_it_is_while_nothing_is_doubted(study):
    assert study.repair() is None
    study.note(repair="a word")
    assert study.repair() == "a word"


def test_a_doubted_record_has_another_one_which_a_dry_run_and_the_run_agree_on(study):
    study.note(repair="a word")
    Path(study.engine).write_bytes(b"enginf")
    found = study.repair()
    assert found not in (None, "a word")
    assert study.repair() == found


def test_once_repaired_it_stays_and_the_next_damage_has_another_one(study):
    Path(study.engine).unlink()
    first = study.repair()
    Path(study.engine).write_bytes(b"engine")
    study.note(repair=first)
    assert study.repair() == first
    Path(study.engine).unlink()
    assert study.repair() not in (None, first)


def test_a_job_that_is_interrupted_again_and_again_has_another_one_each_time(study):
    seen = [study.repair()]
    for number in range(3):
        study.ledger.write("m/build.json", Entry(repair=seen[-1]))
        os.utime("results/s/.ledger/m/build.json", ns=(number + 1, number + 1))
        seen.append(study.repair())
    assert len(set(seen)) == 4


def test_an_entry_of_an_earlier_version_is_read(study):
    path = Path(study.results, ".ledger/m/build.json")
    entry = json.loads(path.read_text())
    del entry["repair"]
    entry["home"] = entry.pop("made_in")
    path.write_text(json.dumps(entry))
    assert study.why() is None
    assert study.repair() is None


def test_a_folder_in_the_place_of_a_file_is_named_and_removed(study):
    """No job could write its file over it. The process of the job, which begins later, finds the same `repair`."""
    engine = Path(study.engine)
    engine.unlink()
    engine.mkdir()
    (engine / "something").touch()
    doubts = study.doubts()
    assert doubts.by_record[study.record] == "engine.bin is missing"
    repair = study.repair()
    assert doubts.make_way() == [study.engine]
    assert not engine.exists()
    assert Path(study.record).is_file()
    assert study.repair() == repair


def test_the_same_for_the_record_itself(study):
    record = Path(study.record)
    record.unlink()
    record.mkdir()
    repair = study.repair()
    assert study.doubts().make_way() == [study.record]
    assert repair is not None
    assert study.repair() == repair


def test_nothing_else_is_removed(study):
    Path(study.results, "m", "b1").mkdir()
    before = sorted(Path(study.results).rglob("*"))
    assert study.doubts().make_way() == []
    Path(study.engine).write_bytes(b"enginf")
    assert study.doubts().make_way() == []
    assert sorted(Path(study.results).rglob("*")) == before


def test_a_file_in_the_place_of_a_folder_takes_what_was_in_it_away(study):
    for path in (study.record, study.engine):
        Path(path).unlink()
    Path(study.results, "m").rmdir()
    Path(study.results, "m").touch()
    assert study.why() == "build.json is missing"
    assert study.repair() is not None


def test_a_folder_of_files_is_a_record_like_another(study):
    """The plots: a folder to Snakemake, which does not see that one of its files is gone."""
    plots = Path("reports/s/plots")
    plots.mkdir(parents=True)
    files = {}
    for name in ("a.svg", "b.svg"):
        (plots / name).write_text(name)
        files[str(plots / name)] = stamp(str(plots / name))
    study.ledger.write(str(plots), Entry(made_in="here", files=files))
    doubts = lambda: Doubts([str(plots)], study.results, study.ledger, "here", lambda record: {})  # noqa: E731
    assert doubts().by_record == {}
    (plots / "b.svg").unlink()
    assert doubts().by_record == {str(plots): "b.svg is missing"}


def test_of_a_file_that_others_write_too_its_being_there_counts(study):
    """The page of all studies, which each study writes."""
    page = Path("reports/index.html")
    page.parent.mkdir()

    def why():
        beside = {study.record: str(page)}
        return Doubts([study.record], study.results, study.ledger, "here", lambda _: PARAMS, beside).by_record

    assert why() == {study.record: "reports/index.html is missing"}
    for content in ("mine", "another study's"):
        page.write_text(content)
        assert why() == {}
