"""Which jobs Snakemake's greedy scheduler starts in a study on GPUs."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.scheduling.greedy import Scheduler, SchedulerSettings

from bakeoff.snakemake.job_order import in_order, order_jobs

CORES = 8


@dataclass(eq=False)
class Job:
    """What the scheduler knows of a job."""

    stage: str
    priority: int
    cores: int = 1
    gpu: int = 0
    input: tuple[str, ...] = ()

    @property
    def scheduler_resources(self) -> dict[str, int]:
        return {"_cores": self.cores, "gpu": self.gpu, "_job_count": 1}

    @property
    def rule(self) -> SimpleNamespace:
        return SimpleNamespace(name=self.stage)

    def is_group(self) -> bool:
        return False


def build(cores: int = 2, priority: int = 71) -> Job:
    return Job("build", priority, cores)


def verify() -> Job:
    return Job("verify", 60)


def time(round_: int = 1) -> Job:
    return Job("time", -round_, gpu=1)


def selected(could_run: list[Job], later: list[Job] | None = None, free: int = CORES, gpu: int = 12) -> list[Job]:
    scheduler: Any = Scheduler.__new__(Scheduler)
    scheduler.settings = SchedulerSettings()
    resources = {"_cores": free, "gpu": gpu, "_job_count": 10**9}
    select = in_order(Scheduler.select_jobs, lambda: CORES)
    return select(scheduler, could_run, [*could_run, *(later or [])], resources, {})


def test_no_measurement_starts_while_work_could():
    jobs = [time(), verify(), Job("profile", 50, gpu=1), Job("environment", 100, gpu=1), build()]
    assert {job.stage for job in selected(jobs)} == {"build", "verify"}


def test_nor_while_running_jobs_will_make_more_work_ready():
    assert selected([time()], later=[verify()], free=CORES - 2) == []


def test_measurements_start_beside_the_last_work_that_is_under_way():
    rounds = [time(), time()]
    assert set(selected(rounds, free=CORES - 2)) == set(rounds)


def test_work_that_waits_for_a_failed_job_is_not_waited_for():
    rounds = [time(), time()]
    assert set(selected(rounds, later=[build()], free=CORES)) == set(rounds)


def test_a_wide_build_is_not_overtaken():
    wide, narrow = build(4, priority=72), build(2)
    assert selected([narrow, wide, verify()], free=3) == []
    assert selected([narrow, wide, verify()], free=4) == [wide]
    assert selected([narrow, wide, verify()], free=6) == [wide, narrow]


def test_cores_and_gpus_are_filled_in_the_order_of_priorities():
    rounds = [time(2), time(1), time(2), time(1), time(1)]
    begun = selected(rounds, gpu=4)
    assert [job.priority for job in begun] == [-1, -1, -1, -2]
    builds = [build() for _ in range(5)]
    assert len(selected([*builds, verify()])) == 4


def test_other_jobs_are_selected_as_before():
    report = [Job("plots", 0, 4), Job("collect", 0), Job("html", 0)]
    assert set(selected(report)) == set(report)


def test_snakemakes_scheduler_is_told(monkeypatch: pytest.MonkeyPatch):
    before = Scheduler.select_jobs
    monkeypatch.setattr(Scheduler, "select_jobs", before)  # restored afterwards
    order_jobs(SimpleNamespace(cores=CORES))
    scheduler: Any = Scheduler.__new__(Scheduler)
    scheduler.settings = SchedulerSettings()
    jobs = [time(), build()]
    assert scheduler.select_jobs(jobs, jobs, {"_cores": CORES, "gpu": 1, "_job_count": 10**9}, {}) == [jobs[1]]
