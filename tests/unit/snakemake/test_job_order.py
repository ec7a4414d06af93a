"""Which jobs the scheduler plugin starts in a study on GPUs."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest
from snakemake_interface_scheduler_plugins.registry import SchedulerPluginRegistry

from bakeoff.artifacts.stages import RECORD_FILES
from bakeoff.devices.locks import STARTED_PER_GPU
from bakeoff.snakemake import study_run
from bakeoff.snakemake.job_order import JobOrder

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
    def output(self) -> list[str]:
        return [f"results/s/net/{RECORD_FILES.get(self.stage, self.stage)}"]


def build(cores: int = 2, priority: int = 71) -> Job:
    return Job("build", priority, cores)


def verify() -> Job:
    return Job("verify", 60)


def time(round_: int = 1) -> Job:
    return Job("time", -round_, gpu=1)


class Dag:
    """What the scheduler may ask of Snakemake's jobs."""

    def __init__(self) -> None:
        self.ended: set[Job] = set()

    def finished(self, job: Job) -> bool:
        return job in self.ended


def order(gpus: int = 1, dag: Any = None) -> JobOrder:
    """Of a run that has begun with all cores free."""
    made = JobOrder(dag or Dag(), logging.getLogger("test"), gpus)
    made.select_jobs([], [], {"_cores": CORES, "_job_count": 10**9}, {})
    return made


def selected(
    could_run: list[Job], later: Collection[Job] = (), free: int = CORES, gpu: int | None = 12, gpus: int = 1
) -> list[Job]:
    resources = {"_cores": free, "_job_count": 10**9} | ({} if gpu is None else {"gpu": gpu})
    return list(order(gpus).select_jobs(could_run, [*could_run, *later], resources, {}))


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


def test_on_a_cpu_snakemakes_own_choice_is_kept():
    jobs = [time(), verify(), build()]
    assert set(selected(jobs, gpus=0)) == set(jobs)


@pytest.mark.parametrize("gpus", [1, 4])
def test_only_so_many_measurements_are_under_way_at_once(gpus):
    dag, most = Dag(), STARTED_PER_GPU * gpus
    waiting = [time() for _ in range(most + 5)]
    resources = {"_cores": 10**4, "_job_count": 10**9}
    plugin = JobOrder(dag, logging.getLogger("test"), gpus)
    begun = plugin.select_jobs(waiting, waiting, resources, {})
    assert len(begun) == most
    left = [job for job in waiting if job not in begun]
    busy = {**resources, "_cores": 10**4 - most}
    assert plugin.select_jobs(left, left, busy, {}) == []
    dag.ended |= set(begun[:3])
    assert len(plugin.select_jobs(left, left, busy, {})) == 3


def test_a_limit_of_the_user_s_stands_instead():
    assert len(selected([time() for _ in range(30)], gpu=3, free=CORES)) == 3
    assert len(selected([time(), time()], gpu=1)) == 1


def test_measurements_whose_end_was_never_told_do_not_count_for_ever():
    """A script that crashes with --keep-going is never finished; when nothing runs, none is under way."""
    dag = Dag()
    plugin = JobOrder(dag, logging.getLogger("test"), 1)
    resources = {"_cores": 100, "_job_count": 10**9}
    first, second = ([time() for _ in range(STARTED_PER_GPU)] for _ in range(2))
    assert len(plugin.select_jobs(first, first, resources, {})) == STARTED_PER_GPU
    assert len(plugin.select_jobs(second, second, resources, {})) == STARTED_PER_GPU


def test_snakemake_finds_the_plugin_and_making_it_begins_the_run(monkeypatch):
    class Run:
        def __init__(self) -> None:
            self.plan = type("Plan", (), {"gpus": ()})
            self.begun: list[list[str]] = []

        def begin(self, jobs: Any) -> None:
            self.begun += list(jobs)

    class NeedsRun(Dag):
        def needrun_jobs(self) -> list[Job]:
            return jobs

    run, jobs = Run(), [time(), build()]
    monkeypatch.setattr(study_run, "_latest", [run])
    plugin = SchedulerPluginRegistry().get_plugin("bakeoff")
    scheduler = plugin.scheduler(NeedsRun(), None, logging.getLogger("test"))
    assert run.begun == [["results/s/net/timing.json"], ["results/s/net/build.json"]]
    resources = {"_cores": CORES, "_job_count": 10**9}
    assert set(scheduler.select_jobs(jobs, jobs, resources, {})) == set(jobs)
