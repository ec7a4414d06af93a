"""A damaged artifact is named and made anew; a full disk ends with a clear message and no half files."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.io import read_record
from bakeoff.models.arrays import load_arrays
from tests.workflow.test_stale import COLLECT, REPORT, jobs_of

pytestmark = pytest.mark.long

NET = "net/onnxruntime/fp32"


@pytest.fixture
def workspace(finished, tmp_path):
    """A study that has nothing left to do."""
    return finished.copy(tmp_path / "study")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """One bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def is_whole(engine: Path) -> bool:
    """Whether an engine is as its record says.

    Two builds need not be equal byte for byte: ONNX Runtime's optimizer now and then names something otherwise.
    """
    record = read_record(engine.with_name("build.json"), BuildRecord)
    return record.files[engine.name].sha256 == hashlib.sha256(engine.read_bytes()).hexdigest()


def make_folder(path: Path) -> None:
    """A folder in the place of a file, with something in it."""
    path.unlink()
    path.mkdir()
    (path / "something").touch()


def flip_unseen(path: Path) -> None:
    """One bit, as a failing disk does it: neither size nor time of change tell."""
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


ENGINE = {"build": 1, "verify": 1, "time": 1, **COLLECT}


@pytest.mark.parametrize("damage", [cut, Path.unlink])
def test_damage_is_mended_where_snakemake_remembers_nothing_of_the_file(workspace, damage):
    """As after `--drop-metadata`: there are no parameters that could change."""
    shutil.rmtree(workspace.folder / ".snakemake" / "metadata")
    damage(workspace.result(f"{NET}/engine.onnx"))
    run = workspace.run("report", "-n")
    assert jobs_of(run).items() >= ENGINE.items()
    assert "build.json is made anew: engine.onnx is" in run.output


@pytest.mark.parametrize(
    ("file", "damage", "jobs"),
    [
        ("net/exports/onnx-fp32/export.json", cut, {"export": 1, **ENGINE}),
        ("net/exports/onnx-fp32/model.onnx", flip, {"export": 1, **ENGINE}),
        (f"{NET}/engine.onnx", cut, ENGINE),
        (f"{NET}/engine.onnx", Path.unlink, ENGINE),
        (f"{NET}/build.json", flip, ENGINE),
        (f"{NET}/accuracy.json", cut, {"verify": 1, **COLLECT}),
        (f"{NET}/b1/round1/timing.json", flip, {"time": 1, **COLLECT}),
        (f"{NET}/b1/round1/samples.npz", cut, {"time": 1, **COLLECT}),
        (
            "pair/reference/outputs.npz",
            flip,
            {"reference": 1, "export": 2, "build": 2, "verify": 2, "time": 2, **COLLECT},
        ),
        ("environment.json", cut, {"environment": 1, **COLLECT}),
        (f"{NET}/accuracy.json", Path.unlink, {"verify": 1, **COLLECT}),
        ("collected.json", cut, COLLECT),
        ("../../reports/finished/index.html", Path.unlink, {"html": 1, "index": 1, "verdict": 1, "report": 1}),
        ("../../reports/finished/results.csv", flip, COLLECT),
        ("../../reports/finished/plots/speedup-net.svg", Path.unlink, REPORT),
        ("../../reports/index.html", Path.unlink, {"index": 1, "verdict": 1, "report": 1}),
        (f"{NET}/engine.onnx", make_folder, ENGINE),
        (f"{NET}/build.json", make_folder, ENGINE),
    ],
)
def test_a_damaged_file_is_named_and_its_job_done_again(workspace, file, damage, jobs):
    path = workspace.result(file).resolve()
    damage(path)
    run = workspace.run("report", "-n")
    assert jobs_of(run) == jobs
    said = re.findall(r"\[bakeoff\].*", run.output)  # Snakemake writes a line and its end apart, and may be in between
    assert len(said) == 1
    assert path.name in said[0]
    assert "is missing" in said[0] or "is not as it was made" in said[0]


def test_what_is_made_anew_is_as_it_was(workspace):
    engine, record = workspace.result(f"{NET}/engine.onnx"), workspace.result(f"{NET}/build.json")
    index, plots = workspace.folder / "reports" / "index.html", sorted(workspace.report("plots").iterdir())
    assert plots
    make_folder(engine)
    make_folder(record)
    flip(workspace.report("results.csv"))
    index.unlink()
    plots[0].unlink()
    again = workspace.run()
    assert again.status == 0, again.output
    assert again.jobs() == ENGINE
    assert is_whole(engine)
    assert index.is_file()
    assert plots[0].is_file()
    assert "Nothing to be done" in workspace.run().output


def test_damage_that_neither_size_nor_time_tell_is_found_by_its_reader_and_mended_by_the_next_run(workspace):
    engine = workspace.result(f"{NET}/engine.onnx")
    flip_unseen(engine)
    assert not is_whole(engine)
    workspace.study["timing"]["max_s"] = 0.15
    first = workspace.run()
    assert first.status == 1
    assert f"{NET}/engine.onnx is not as it was when it was made (its hash differs)" in first.output
    second = workspace.run()
    assert second.status == 0, second.output
    assert second.jobs() == ENGINE
    assert is_whole(engine)


def test_damaged_samples_are_found_by_the_collection_and_mended_by_the_next_run(workspace):
    flip_unseen(workspace.result(f"{NET}/b1/round1/samples.npz"))
    workspace.study["report"] = {"title": "Collect again"}
    first = workspace.run()
    assert first.status == 1
    assert "samples.npz is not as it was when it was made" in first.output
    second = workspace.run()
    assert second.status == 0, second.output
    assert second.jobs() == {"time": 1, **COLLECT}


def test_files_that_were_only_copied_are_read_once_and_kept(workspace):
    for path in workspace.result("net").rglob("*"):
        if path.is_file() and path.suffix != ".json":
            os.utime(path)
    assert "Nothing to be done" in workspace.run("report", "-n").output
    assert "Nothing to be done" in workspace.run().output
    engine = workspace.result(f"{NET}/engine.onnx")
    entry = json.loads(workspace.result(f".ledger/{NET}/build.json").read_text())
    assert entry["files"][str(engine.relative_to(workspace.folder))][1] == engine.stat().st_mtime_ns


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"this machine does not let us mount a small file system: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_ends_with_a_clear_message_and_no_half_files(finished, small_disk, tmp_path):
    workspace = finished.copy(tmp_path / "study")
    for name in ("results", "reports", ".snakemake"):
        subprocess.run(["rm", "-r", str(workspace.folder / name)], check=True)
    (workspace.folder / "results").symlink_to(small_disk)
    workspace.study["models"].pop("net")
    ballast = small_disk / "ballast"
    with open(ballast, "wb") as file:
        file.write(bytes(225 * 1024))
    run = workspace.run()
    assert run.status == 1
    assert "no space left on device: " in run.output
    assert "; free some and run again" in run.output
    assert not list(workspace.result("").rglob("*.tmp"))
    for path in workspace.result("").rglob("*.npz"):
        load_arrays(path)
    for path in workspace.result("pair").rglob("*.json"):
        json.loads(path.read_text())
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    again = workspace.run()
    assert again.status == 0, again.output
