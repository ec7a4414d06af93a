"""How the tests are shared out between processes: the longest first, and some folders whole."""

from pathlib import Path

import pytest
from tests import conftest


def test_what_is_named_is_there(root: Path) -> None:
    for named in (*conftest.LONGEST_FIRST, *conftest.APART, conftest.LAST):
        assert (root / named).exists(), f"{named} of tests/conftest.py is no longer there"


def test_files_of_a_folder_stay_together_where_they_share_what_they_make() -> None:
    assert conftest.unit_of("tests/unit/backends/test_x.py::test_y[a::b]") == "tests/unit/backends/"
    assert conftest.unit_of("tests/workflow/test_x.py::test_y") == "tests/workflow/test_x.py"
    assert conftest.unit_of("tests/unit/test_x.py::TestX::test_y") == "tests/unit/test_x.py"


def test_a_whole_run_begins_before_a_short_file_and_what_needs_a_gpu_comes_last() -> None:
    files = ["tests/gpu/test_x.py", "tests/unit/test_x.py", "tests/workflow/test_x.py", "tests/workflow/test_study.py"]
    assert sorted(files, key=conftest.place_of) == files[::-1]


def test_two_processes_follow_that_order(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(Path(conftest.__file__).read_text())
    for folder in ("unit", "unit/backends", "workflow"):
        for name in ("one", "two"):
            file = pytester.path / "tests" / folder / f"test_{folder.replace('/', '_')}_{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("import time\n\ndef test_it():\n    time.sleep(0.2)\n")
    run = pytester.runpytest_subprocess("-n", "2", "--dist", "loadfile", "-v", "-p", "no:cacheprovider")
    run.assert_outcomes(passed=6)
    done = [line.split() for line in run.outlines if " PASSED " in line]
    process = {line[-1].partition("::")[0]: line[0] for line in done}
    of_a_folder = {process[f"tests/unit/backends/test_unit_backends_{name}.py"] for name in ("one", "two")}
    assert len(of_a_folder) == 1
    assert done[0][-1].startswith(("tests/unit/backends/", "tests/workflow/"))
