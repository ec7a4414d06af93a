"""Progress: how much is left, and about how long it takes."""

from bakeoff.supervision.progress import Progress


def test_counts_and_time_to_go(tmp_path):
    progress = Progress(tmp_path)
    jobs = ["export", "export", "build", "build", "time", "time", "report"]
    guess_s = {"export": 5.0, "build": 10.0, "time": 4.0}
    progress.begin(jobs, guess_s, {"build": 1.5, "time": 1}, cores=2)
    assert progress.remaining() == (0, 6, 2 * 5 / 2 + 2 * 10 / 1.5 + 2 * 4)
    progress.finish("build", 21.0)
    # what was measured replaces the guess
    assert progress.remaining() == (1, 6, 2 * 5 / 2 + 1 * 21 / 1.5 + 2 * 4)


def test_a_later_run_starts_from_what_the_earlier_one_measured(tmp_path):
    progress = Progress(tmp_path)
    progress.begin(["time"], {"time": 4.0}, {"time": 1}, cores=1)
    progress.finish("time", 8.0)
    progress.begin(["time", "time"], {"time": 4.0}, {"time": 1}, cores=1)
    assert progress.remaining() == (0, 2, 16.0)


def test_lines_say_what_runs_and_what_is_left(tmp_path, capsys):
    progress = Progress(tmp_path)
    progress.begin(["time", "time"], {"time": 300.0}, {"time": 1}, cores=1)
    progress.start("time", "timing resnet18 · openvino fp32 · batch 8 · round 2")
    line = capsys.readouterr().err
    assert "timing resnet18 · openvino fp32 · batch 8 · round 2" in line
    assert "(1 of 2, about 10 min to go)" in line


def test_without_a_run_it_only_says_what_runs(tmp_path, capsys):
    Progress(tmp_path / "nothing").start("time", "timing x")
    assert capsys.readouterr().err.endswith("timing x\n")


def test_a_half_written_line_does_not_stop_the_count(tmp_path):
    progress = Progress(tmp_path)
    progress.begin(["build"], {}, {}, cores=1)
    with open(tmp_path / ".progress" / "done.jsonl", "a") as file:
        file.write('{"stage": "bu')
    assert progress.remaining()[:2] == (0, 1)
