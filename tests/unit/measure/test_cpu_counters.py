import time

import pytest

from bakeoff.measure.cpu_counters import Counters, CpuTimes, read_counters, taken
from bakeoff.measure.telemetry import cpu_shares

STAT = """cpu  200 40 60 1600 80 10 10 120 14 14
cpu0 100 20 30 800 40 5 5 60 7 7
cpu1 100 20 30 800 40 5 5 60 7 7
intr 1 2 3
"""


def test_proc_stat_is_read(tmp_path):
    (tmp_path / "stat").write_text(STAT)
    counters = read_counters(tmp_path / "stat")
    assert set(counters.cpus) == {0, 1}
    # guest time (the last two) is contained in user and nice already
    assert counters.cpus[1].busy_s == pytest.approx(1.6)
    assert counters.cpus[1].steal_s == pytest.approx(0.6)
    assert counters.machine.total_s == pytest.approx(21.2)


@pytest.mark.parametrize("text", ["", "intr 1 2 3\n", "cpu0 1 2 3\n"])
def test_unusable_proc_stat_is_none(tmp_path, text):
    (tmp_path / "stat").write_text(text)
    assert read_counters(tmp_path / "stat") is None
    assert read_counters(tmp_path / "missing") is None


def test_the_time_that_threads_waited_for_a_cpu(tmp_path):
    (tmp_path / "stat").write_text(STAT)
    for thread, waited_ns in ((1, 2_000_000_000), (2, 500_000_000)):
        (tmp_path / "task" / str(thread)).mkdir(parents=True)
        (tmp_path / "task" / str(thread) / "schedstat").write_text(f"9 {waited_ns} 3\n")
    (tmp_path / "task" / "3").mkdir()  # it has ended
    assert read_counters(tmp_path / "stat", tmp_path / "task").waited_s == pytest.approx(2.5)
    assert read_counters(tmp_path / "stat", tmp_path / "none").waited_s is None


def counters(busy, own=0.0, steal=(), waited=None):
    return Counters(
        {cpu: CpuTimes(s, dict(enumerate(steal)).get(cpu, 0.0), 100.0 + s) for cpu, s in enumerate(busy)}, own, waited
    )


def test_a_neighbour_on_one_of_many_cpus_counts_whole():
    """One process on one of four CPUs in use of 64: half of a CPU; 0.8 % of the machine, which was below any limit."""
    before = counters([0.0] * 64)
    busy = [0.0] * 64
    busy[3], busy[40] = 2.0, 4.0
    after = Counters({k: CpuTimes(s, 0.0, 104.0) for k, s in enumerate(busy)}, 0.0, None)
    assert taken(before, after, [0, 1, 2, 3], 4.0).other_cores == pytest.approx(0.5)
    assert taken(before, after, [0, 1, 2], 4.0).other_cores == 0
    _, share = cpu_shares(before, after)
    assert share < 0.05


def test_own_work_is_not_that_of_others_and_steal_is_apart():
    before, after = counters([0, 0], steal=(0, 0)), counters([4, 1], own=4.5, steal=(0.2, 0.2), waited=None)
    found = taken(before, after, [0, 1], 5.0)
    assert found.other_cores == pytest.approx(0.1)
    assert found.steal_cores == pytest.approx(0.08)
    assert found.waited_cores is None
    assert taken(counters([0], waited=1.0), counters([4], waited=3.0), [0], 4.0).waited_cores == pytest.approx(0.5)


@pytest.mark.parametrize(("before", "cpus"), [(None, [0]), (counters([0]), []), (counters([0]), [9])])
def test_what_cannot_be_told_is_none(before, cpus):
    assert taken(before, counters([1]), cpus, 1.0) is None


def test_own_work_on_this_machine_is_counted_as_own():
    before = read_counters()
    if before is None:
        pytest.skip("this system has no /proc/stat")
    start = time.process_time()
    while time.process_time() - start < 0.3:
        sum(range(1000))
    after = read_counters()
    assert after.own_s - before.own_s >= 0.28
    assert after.machine.total_s > before.machine.total_s
