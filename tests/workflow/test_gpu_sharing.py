"""Who uses which GPU when, in a whole run on a machine with two simulated ones."""

import itertools
import json
import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.workflow.conftest import ROOT, own_model

SIMULATED = Path(__file__).parent / "simulated_gpus"
LABELS = {
    "eager": None,
    "tuned": {"kind": "inductor", "max_autotune": True},
    "tuned-nhwc": {"kind": "inductor", "max_autotune": True, "channels_last": True},
}

ROUNDS = ("round1/timing.json", "round2/timing.json")


class Job(NamedTuple):
    """What a job wrote down; times in seconds."""

    stage: str
    backend: str
    gpu: str
    start: float
    imported: float
    begin: float
    end: float

    def uses_device_beside(self, other: "Job") -> bool:
        """Whether both had their device at the same time."""
        return self.begin < other.end and other.begin < self.end

    def imports_beside(self, other: "Job") -> bool:
        """Whether this one imported while the other had its device."""
        return self.start < other.end and other.begin < self.imported


class Study(NamedTuple):
    """What its jobs wrote down, and what Snakemake printed."""

    jobs: list[Job]
    output: str


@pytest.fixture(scope="module")
def study(make_workspace) -> Study:
    workspace = make_workspace(
        {
            "study": "shared",
            "device": "cuda",
            "models": {"net": own_model("convnet", inputs={"image": {"shape": [3, 16, 16]}})},
            "backends": LABELS,
            "precisions": ["fp16"],
            "baseline": "eager/fp16",
            "batch": {"sizes": [1, 2], "dynamic": False},
        }
    )
    workspace.cores = 16
    of = [f"results/shared/net/{label}/fp16/b{size}" for label in LABELS for size in (1, 2)]
    records = [f"{folder}/{name}" for folder in of for name in ("accuracy.json", *ROUNDS)]
    run = workspace.run(
        *records,
        PYTHONPATH=os.pathsep.join([str(SIMULATED), str(ROOT / "src")]),
        SIMULATED_NOTES=str(workspace.folder / "notes"),
        TMPDIR=str(workspace.folder),
    )
    assert run.status == 0, run.output
    notes = (workspace.folder / "notes").read_text().splitlines()
    return Study([Job(*json.loads(note)) for note in notes], run.output)


@pytest.fixture(scope="module")
def jobs(study: Study) -> list[Job]:
    return study.jobs


def measured(jobs: list[Job]) -> list[Job]:
    return [job for job in jobs if job.stage == "time"]


def pairs(jobs: list[Job]):
    return itertools.combinations(jobs, 2)


def test_a_gpu_is_measured_on_by_one_at_a_time_and_all_gpus_at_once(jobs):
    rounds = measured(jobs)
    assert len(rounds) == len(LABELS) * 2 * 2
    assert {job.gpu for job in rounds} == {"GPU-simulated-0", "GPU-simulated-1"}
    assert not any(one.uses_device_beside(other) for one, other in pairs(rounds) if one.gpu == other.gpu)
    assert any(one.uses_device_beside(other) for one, other in pairs(rounds) if one.gpu != other.gpu)


def test_nothing_is_built_and_nobody_imports_beside_a_measurement(jobs):
    rounds = measured(jobs)
    work = [job for job in jobs if job.stage in ("reference", "export", "build", "verify")]
    assert not any(job.uses_device_beside(other) for job, other in itertools.product(work, rounds))
    assert not any(job.imports_beside(other) for job, other in itertools.permutations(rounds, 2))


def test_measurements_take_no_core_before_all_work_is_begun(study):
    begun = re.findall(r"^Job \d+: (Timing|Build|Accuracy|Export)", study.output, re.M)
    assert begun.count("Accuracy") == len(LABELS) * 2
    assert set(begun[begun.index("Timing") :]) == {"Timing"}


def test_exports_say_their_format(study):
    doing = [line.partition("]")[2].partition("(")[0].strip() for line in study.output.splitlines()]
    assert sorted(words for words in doing if words.startswith("exporting")) == [
        f"exporting net · fp16 · batch {size} as exported_program" for size in (1, 2)
    ]


def test_builds_that_tune_take_turns(jobs):
    tuned = [job for job in jobs if job.stage == "build" and job.backend.startswith("tuned")]
    assert len(tuned) == 4
    same = [pair for pair in pairs(tuned) if pair[0].gpu == pair[1].gpu]
    assert same
    assert not any(one.uses_device_beside(other) for one, other in same)
