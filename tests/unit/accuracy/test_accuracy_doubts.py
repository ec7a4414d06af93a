"""What marks outputs as doubtful that pass the limits."""

import pytest

from bakeoff.accuracy import doubts
from bakeoff.accuracy.doubts import is_repeatable
from bakeoff.artifacts.accuracy import AccuracyRecord


@pytest.mark.parametrize(
    ("repeat", "error", "repeatable"),
    [
        (0.0, 0.0, True),
        (9e-4, 1e-6, True),
        (2e-3, 1e-6, False),
        (0.04, 0.1, True),
        (0.2, 0.1, False),
        (None, 0.1, None),
    ],
)
def test_what_counts_as_the_same_answer(repeat, error, repeatable):
    record = AccuracyRecord(target={"study": "s"}, status="ok", relative_l2=error, repeat_relative_l2=repeat)
    assert is_repeatable(record) is repeatable


def test_a_changed_limit_judges_a_stored_record_otherwise(monkeypatch):
    record = AccuracyRecord(target={"study": "s"}, status="ok", relative_l2=0.1, repeat_relative_l2=0.04)
    assert is_repeatable(record)
    monkeypatch.setattr(doubts, "REPEAT_SHARE", 0.1)
    assert not is_repeatable(record)
