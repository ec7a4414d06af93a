"""Where a run's wall time went: unions of what its jobs told."""

import json

import pytest
from click.testing import CliRunner

from bakeoff.supervision.progress import Progress
from bakeoff.tools._command_line import cli
from bakeoff.tools.wall_time import union_s, wall_time


def test_union_of_intervals():
    assert union_s([]) == 0
    assert union_s([(0, 2), (1, 3), (5, 6), (5.2, 5.4)]) == 4


@pytest.fixture
def results(tmp_path):
    """A run of 20 s: a build of 4 s, beside an export of 2 s of which one is alone, and timing of 5 s."""
    progress = Progress(tmp_path)
    progress.begin(["build", "export", "time"], {}, {}, cores=1)

    def part(what, begin, end):
        return {"what": what, "begin": begin, "end": end}

    progress.finish("export", 3.0, 101.0, [part("export", 102.0, 104.0)])
    progress.finish("build", 6.0, 101.0, [part("import", 101.0, 103.0), part("build", 103.0, 107.0)])
    progress.finish("time", 9.0, 108.0, [part("import", 108.0, 110.0), part("timing", 111.0, 116.0)])
    run = json.loads((tmp_path / ".progress" / "run.json").read_text())
    (tmp_path / ".progress" / "run.json").write_text(json.dumps({**run, "begin": 100.0, "end": 120.0}))
    return tmp_path


def test_overhead_is_what_no_export_build_or_measurement_covers(results):
    account = wall_time(results)
    assert account.wall_s == 20
    assert account.covered_s == 10
    assert account.share_of_overhead == 0.5
    assert account.under_way_s == {"export": 2, "import": 4, "build": 4, "timing": 5}


def test_the_account_is_printed(results):
    done = CliRunner().invoke(cli, ["wall-time", str(results)])
    assert done.exit_code == 0
    assert "50.0 %" in done.stdout


def test_a_run_is_from_the_start_of_its_process_to_its_end(tmp_path):
    progress = Progress(tmp_path)
    progress.begin(["time"], {}, {}, cores=1)
    progress.finish("time", 1.0, 1.0, [])
    progress.end()
    run = progress.run_noted()
    assert run["begin"] < run["end"]
    assert wall_time(tmp_path).wall_s == run["end"] - run["begin"]


@pytest.mark.parametrize("folder", ["nothing", "empty"])
def test_without_a_run_it_says_what_to_do(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    done = CliRunner().invoke(cli, ["wall-time", str(tmp_path / folder)])
    assert done.exit_code == 1
    assert "results/<study>" in done.stderr
