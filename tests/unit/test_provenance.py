"""Whose change makes a stage's results stale."""

from pathlib import Path

import pytest

from bakeoff import backends
from bakeoff.freshness.code_digest import PACKAGE, STAGE_CODE, code_digest


@pytest.fixture
def digest():
    """code_digest as it is after an edit, of which a run sees none."""

    def now(stage: str, kind: str | None = None) -> str:
        code_digest.cache_clear()
        return code_digest(stage, kind)

    yield now
    code_digest.cache_clear()


def test_the_file_of_a_backend_from_elsewhere_counts_for_its_kind_alone(digest, tmp_path, monkeypatch):
    monkeypatch.setattr(backends, "__path__", [*backends.__path__, str(tmp_path)])
    own = Path(tmp_path, "mine.py")
    found = []
    for text in ("one", "two"):
        own.write_text(text)
        found.append((digest("build", "mine"), digest("build", "eager"), digest("build")))
    assert found[0][0] != found[1][0]
    assert found[0][1:] == found[1][1:]
    assert len(set(found[0])) == 3


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("collect/peers.py", {"collect"}),
        ("artifacts/accuracy.py", set()),
        ("accuracy/doubts.py", {"collect", "report"}),
        ("collect/warnings/thresholds.py", {"collect"}),
        ("collect/warnings/codes.py", {"collect", "report"}),
        ("measure/modes.py", {"time", "collect"}),
        ("accuracy/judge.py", {"verify"}),
        ("accuracy/metrics.py", {"verify", "time"}),
    ],
)
def test_which_stages_a_file_counts_for(file, stages):
    covered = {
        stage: {path for pattern in files for path in PACKAGE.glob(pattern)} for stage, files in STAGE_CODE.items()
    }
    assert {stage for stage, files in covered.items() if PACKAGE / file in files} == stages


def test_every_pattern_names_a_file():
    """One that a move has left behind would let its results count as made by today's code."""
    patterns = {pattern for files in STAGE_CODE.values() for pattern in files}
    assert {pattern for pattern in patterns if not any(PACKAGE.glob(pattern))} == set()
