"""`python -m bakeoff`: its verbs, what each prints and ends with, and what is imported for that."""

import ast
import os
import re
import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner
from tests.report_fixture import make_collected

from bakeoff.artifacts.io import write_record
from bakeoff.config.load import load_study
from bakeoff.core.machine import Gpu, Machine
from bakeoff.core.paths import StudyPaths
from bakeoff.tools import _command_line, coverage, crosscheck, docs, monitor_check
from bakeoff.tools._command_line import cli, summary, verbs

VERBS = ["check", "coverage", "crosscheck", "docs", "false-differences", "monitor-check", "verdict", "wall-time"]


def invoke(*arguments):
    """Run the command line in this process."""
    return CliRunner().invoke(cli, list(arguments))


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A working directory with study.yaml, in which its study was run on a CPU: the collected results."""
    monkeypatch.chdir(tmp_path)
    collected = make_collected(hostile=False)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(collected.settings))
    paths = StudyPaths(load_study("study.yaml").study)
    write_record(paths.collected, collected)
    return paths


def test_help_lists_every_verb_with_one_line(root):
    files = {path.stem for path in (root / "src/bakeoff/tools").glob("*.py") if not path.name.startswith("_")}
    assert files == {verb.replace("-", "_") for verb in VERBS}
    done = invoke("--help")
    assert done.exit_code == 0
    words = " ".join(done.stdout.split())
    for verb in VERBS:
        assert f"{verb} {summary(verb)}" in words
        assert summary(verb).endswith(".")


def test_without_a_verb_it_prints_the_help():
    done = invoke()
    assert (done.exit_code, done.stdout) == (0, invoke("--help").stdout)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_explains_itself_with_an_example(verb):
    done = invoke(verb, "--help")
    assert done.exit_code == 0
    assert summary(verb) in " ".join(done.stdout.split())
    assert f"\n      python -m bakeoff {verb}" in done.stdout


def test_a_verb_is_found_by_lying_in_the_folder(tmp_path, monkeypatch):
    (tmp_path / "say_hello.py").write_text(
        '"""Say hello.\n\n    python -m bakeoff say-hello\n"""\nimport click\n\n'
        "@click.command()\ndef command():\n    click.echo('hello')\n"
    )
    monkeypatch.setattr(_command_line._tools, "__path__", [str(tmp_path)])
    assert list(verbs()) == ["say-hello"]
    assert "say-hello  Say hello." in invoke("--help").stdout
    assert invoke("say-hello").stdout == "hello\n"
    sys.modules.pop("bakeoff.tools.say_hello")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["wal-time"], "there is no verb 'wal-time'; did you mean 'wall-time'?"),
        (["xyz"], "there is no verb 'xyz'; known: check, coverage, "),
        (["wall-time"], "Missing argument 'RESULTS'"),
        (["docs", "--chek"], "No such option '--chek'"),
        (["coverage", "study.yaml", "--cores", "none"], "'none' is not a valid integer"),
        (["coverage", "study.yaml", "--out", "."], "'.' is a directory"),
    ],
)
def test_wrong_usage_ends_with_status_2(arguments, words):
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert words in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "no.yaml"], "no.yaml: there is no such config file"),
        (["verdict", "no.yaml"], "no.yaml: there is no such config file"),
        (["coverage", "no.yaml"], "no.yaml: there is no such config file"),
        (["wall-time", "results/quickstrat"], "there is no folder results/quickstrat; "),
        (["wall-time", "results/quickstart"], "holds no account of a run"),
        (["crosscheck", "results/quickstrat"], "did you mean 'quickstart'?"),
        (["crosscheck", "."], "collected.json is missing; run the study again"),
        (["monitor-check", "cuda:7"], "device 'cuda:7': this machine has no such device; it has cpu"),
        (["monitor-check", "gpu"], "device 'gpu': this machine has no such device"),
        (["docs"], "run this at the top of a checkout"),
    ],
)
def test_a_mistake_is_one_message_and_status_1(study, arguments, words):
    done = invoke(*arguments)
    assert done.exit_code == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert isinstance(done.exception, SystemExit)


def test_check_is_silent_about_a_valid_config_and_lists_mistakes(study, tmp_path):
    done = invoke("check", "study.yaml")
    assert (done.exit_code, done.output) == (0, "")
    (tmp_path / "bad.yaml").write_text("modles: {}\n")
    done = invoke("check", "bad.yaml")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "modles: unknown key; did you mean 'models'?" in done.stderr


def test_verdict_says_how_the_study_ended(study):
    done = invoke("verdict", "study.yaml")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("\nThe report: ")
    assert "ships best on" in done.stderr
    assert "targets failed:" in done.stderr


def test_verdict_of_a_study_without_results(study, tmp_path):
    (tmp_path / study.collected).unlink()
    done = invoke("verdict", "study.yaml")
    assert done.exit_code == 1
    assert "has no results yet; make them with `snakemake --cores 1 report --configfile study.yaml`" in done.stderr
    done = invoke("verdict", "--if-any", "study.yaml")
    assert (done.exit_code, done.output) == (0, "")


def test_crosscheck_compares_the_fp32_targets_it_has_a_plain_loop_for(study, monkeypatch):
    compared = []

    def compare(_jobs, target, kind):
        compared.append((kind, target.row.precision, target.row.status))
        return f"| {target.row.backend} |"

    monkeypatch.setattr(crosscheck, "_compare", compare)
    done = invoke("crosscheck", study.results)
    assert done.exit_code == 0, done.output
    assert {kind for kind, _, _ in compared} == {"onnxruntime", "openvino"}
    assert {(precision, status) for _, precision, status in compared} == {("fp32", "ok")}
    assert done.stdout.splitlines()[0].startswith("| target | library (ms) | plain loop (ms) |")
    assert len(done.stdout.splitlines()) == 2 + len(compared)


@pytest.mark.parametrize(
    ("said", "ms"),
    [
        ("[ INFO ] Latency:\n[ INFO ]    Median:        25.47 us\n[ INFO ]    Average:   166.58 us\n", 0.02547),
        ("[ INFO ]    Median:        3.25 ms\n", 3.25),
        ("[ ERROR ] Cannot infer dynamic shape\n", None),
    ],
)
def test_benchmark_app_gives_its_median_in_either_unit(said, ms):
    assert crosscheck.median_ms(said) == (None if ms is None else pytest.approx(ms))


def test_monitor_check_prints_the_ratio_of_each_pair(monkeypatch):
    machine = Machine("a processor", frozenset(), 2, (Gpu(0, "a GPU", 2**30, (9, 0), ""),), "580", None, frozenset())
    monkeypatch.setattr(Machine, "detect", classmethod(lambda _: machine))
    devices = []
    monkeypatch.setattr(monitor_check, "small_session", devices.append)
    monkeypatch.setattr(monitor_check, "medians_on_and_off", lambda *_: [(1.0, 2.0), (3.0, 3.0), (2.0, 1.0)])
    for asked in ([], ["cuda"], ["cpu"]):
        done = invoke("monitor-check", *asked)
        assert done.exit_code == 0, done.output
        assert "| 1 | 1.0000 | 2.0000 | 0.5000 |" in done.stdout
        assert "ratio on/off: median 1.0000, from 0.5000 to 2.0000" in done.stdout
    assert devices == ["cuda:0", "cuda:0", "cpu"]


def test_docs_writes_what_is_not_current(root, tmp_path, monkeypatch):
    files = docs.generated()
    monkeypatch.setattr(docs, "generated", lambda: files)
    for path in files:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text((root / path).read_text())
    monkeypatch.chdir(tmp_path)
    assert (invoke("docs", "--check").exit_code, invoke("docs").output) == (0, "")
    (tmp_path / "docs/config.md").write_text("old")
    (tmp_path / "workflow/schemas/build.schema.json").unlink()
    done = invoke("docs", "--check")
    assert done.exit_code == 1
    assert done.stderr == "not current, run `make docs`: workflow/schemas/build.schema.json, docs/config.md\n"
    assert (tmp_path / "docs/config.md").read_text() == "old"
    assert invoke("docs").exit_code == 0
    assert (tmp_path / "docs/config.md").read_text() == (root / "docs/config.md").read_text()


def test_docs_needs_its_markers(root, tmp_path, monkeypatch):
    (tmp_path / "README.md").write_text("# Nothing\n")
    monkeypatch.chdir(tmp_path)
    done = invoke("docs")
    assert done.exit_code == 1
    assert "README.md lacks the markers" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


@pytest.fixture
def not_run(monkeypatch):
    """Coverage runs nothing, so that it finds no record."""
    monkeypatch.setattr(coverage, "verify_all", lambda config, cores: None)


def test_coverage_names_the_record_that_is_missing(study, not_run, tmp_path):
    done = invoke("coverage", "study.yaml", "--out", "made/coverage.md")
    assert done.exit_code == 1
    assert "environment.json is missing" in done.stderr
    assert not (tmp_path / "made").exists()


def test_coverage_writes_the_page_and_says_where(study, not_run, tmp_path, monkeypatch):
    monkeypatch.setattr(coverage, "read_coverage", lambda config: config)
    monkeypatch.setattr(coverage, "coverage_page", lambda config: f"page of {config}")
    done = invoke("coverage", "study.yaml", "--out", "made/coverage.md")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"\n{tmp_path}/made/coverage.md\n"
    assert (tmp_path / "made/coverage.md").read_text() == "page of study.yaml"


def test_coverage_that_cannot_be_written_is_told(study, not_run, tmp_path, monkeypatch):
    monkeypatch.setattr(coverage, "read_coverage", lambda config: config)
    monkeypatch.setattr(coverage, "coverage_page", lambda config: "page")
    done = invoke("coverage", "study.yaml", "--out", "study.yaml/coverage.md")
    assert done.exit_code == 1
    assert done.stderr == "study.yaml/coverage.md: cannot be written (File exists)\n"


def test_the_workflow_that_coverage_runs_is_there():
    assert (coverage._CHECKOUT / "Snakefile").is_file()


IMPORTS = """
import runpy, sys
sys.argv = ["bakeoff", *sys.argv[1:]]
try:
    runpy.run_module("bakeoff", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
print("imported:", sorted(sys.modules))
"""
HEAVY = {"torch", "torchvision", "timm", "onnx", "openvino", "pandas", "scipy", "matplotlib", "snakemake"}


@pytest.mark.parametrize(
    ("arguments", "none_of"),
    [
        (["--help"], HEAVY | {"numpy", "pydantic", "bakeoff.config", "bakeoff.tools.check"}),
        (["check", "config.yaml"], HEAVY | {"bakeoff.tools.coverage", "bakeoff.report"}),
        (["wall-time", "--help"], HEAVY | {"bakeoff.tools.coverage", "bakeoff.report"}),
    ],
)
def test_only_what_is_asked_for_is_imported(root, arguments, none_of):
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(ast.literal_eval(done.stdout.splitlines()[-1].removeprefix("imported: ")))
    assert "bakeoff.tools._command_line" in imported
    assert not imported & none_of


def test_old_spellings_are_gone(root):
    """Nothing that people read or run spells a tool as a module of its own; the supervisor's child is no tool."""
    old = re.compile(r"-m bakeoff\.(?!supervision\.child)")
    read = [root / "Makefile", root / "README.md", root / "CONTRIBUTING.md", root / "CHANGELOG.md"]
    for folder in ("docs", "studies", "src", "config"):
        read += [path for path in (root / folder).rglob("*") if path.suffix in (".md", ".yaml", ".py")]
    assert len(read) > 100
    assert [path.name for path in read if old.search(path.read_text())] == []
