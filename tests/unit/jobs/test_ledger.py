"""The ledger changes a job's parameter after a failure, and only then."""

from bakeoff.jobs.ledger import note_attempt, read_ledger


def test_a_first_success_leaves_no_trace(tmp_path):
    note_attempt(tmp_path, "m/b/fp32/build.json", attempt=0, failed=False)
    assert read_ledger(tmp_path) == {}


def test_a_failure_changes_the_next_attempt_and_a_success_keeps_it(tmp_path):
    record = "m/b/fp32/build.json"
    note_attempt(tmp_path, record, attempt=0, failed=True)
    assert read_ledger(tmp_path) == {record: 1}
    note_attempt(tmp_path, record, attempt=1, failed=True)
    assert read_ledger(tmp_path) == {record: 2}
    note_attempt(tmp_path, record, attempt=2, failed=False)
    assert read_ledger(tmp_path) == {record: 2}


def test_damaged_entries_are_passed_over(tmp_path):
    (tmp_path / "x.attempt").write_text("many")
    assert read_ledger(tmp_path) == {}
