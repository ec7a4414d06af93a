import os
import subprocess
import sys

import pytest

from bakeoff.measure import quiet_cpus
from bakeoff.measure.cpu_counters import Counters, CpuTimes
from bakeoff.measure.quiet_cpus import WATCH_S, Held, Place, QuietCpus, choose, places_of

ALONE = {cpu: Place((cpu,), 0) for cpu in range(8)}
PAIRS = {cpu: Place((cpu % 4, cpu % 4 + 4), 0) for cpu in range(8)}
"""Four cores of two hardware threads each: CPUs 0 and 4 are one core."""


def test_the_quietest_are_chosen():
    loads = dict(enumerate([0.9, 0.0, 0.5, 0.1, 0.0, 0.8, 0.7, 0.6]))
    assert choose(3, range(8), loads, ALONE) == (1, 3, 4)


def test_different_cores_come_before_a_second_thread_of_one():
    assert choose(4, range(8), dict.fromkeys(range(8), 0.0), PAIRS) == (0, 1, 2, 3)
    assert choose(5, range(8), dict.fromkeys(range(8), 0.0), PAIRS) == (0, 1, 2, 3, 4)


def test_a_busy_sibling_counts():
    loads = dict.fromkeys(range(8), 0.0) | {4: 1.0, 5: 0.2}
    assert choose(2, range(8), loads, PAIRS) == (2, 3)


def test_one_package_is_enough_where_it_has_enough():
    places = {cpu: Place((cpu,), cpu // 4) for cpu in range(8)}
    loads = dict(enumerate([0.0, 0.0, 0.9, 0.9, 0.1, 0.1, 0.1, 0.9]))
    assert choose(3, range(8), loads, places) == (4, 5, 6)
    assert choose(5, range(8), loads, places) == (0, 1, 4, 5, 6)


def test_a_cpu_that_nothing_is_known_of_counts_as_busy():
    assert choose(1, [0, 1], {1: 0.4}, ALONE) == (1,)


def test_topology_is_read(tmp_path):
    for cpu, (siblings, package) in enumerate([("0,2", "0"), ("1,3", "1"), ("0,2", "0"), ("1-3", "x")]):
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(siblings + "\n")
        (folder / "physical_package_id").write_text(package + "\n")
    assert places_of([0, 1, 3, 9], tmp_path) == {
        0: Place((0, 2), 0), 1: Place((1, 3), 1), 3: Place((1, 2, 3), 0), 9: Place((9,), 0)
    }  # fmt: skip


def readings(loads):
    """Counters before and after the CPUs were watched."""
    before = Counters({cpu: CpuTimes(10.0, 0.0, 100.0) for cpu in loads}, 0.0, None)
    after = Counters({cpu: CpuTimes(10.0 + WATCH_S * load, 0.0, 100.0) for cpu, load in loads.items()}, 0.0, None)
    return iter([before, after])


def test_the_process_is_held_on_what_was_quiet(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    held = []
    monkeypatch.setattr(quiet_cpus, "hold_on", held.append)
    found = readings({0: 0.9, 1: 0.1, 2: 0.0, 3: 0.8})
    quiet = QuietCpus(2, read=lambda: next(found), sleep=lambda _: None, places=ALONE)
    assert quiet.hold() == Held((1, 2))
    assert held == [(1, 2)]


@pytest.mark.parametrize(
    ("count", "read", "why"),
    [
        (4, lambda: None, "uses all 4 CPUs"),
        (2, lambda: None, "does not say how busy"),
    ],
)
def test_where_nothing_is_held_the_reason_is_told(monkeypatch, count, read, why):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    held = QuietCpus(count, read=read, sleep=lambda _: None, places=ALONE).hold()
    assert held.cpus is None
    assert why in held.why_not


def test_a_process_that_may_not_is_told(monkeypatch):
    def refuse(pid, cpus):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    assert "Operation not permitted" in quiet_cpus.hold_on([0])


def test_all_threads_are_held_and_later_ones_inherit():
    """In a process of its own, whose affinity this changes."""
    code = """
import os, threading, time
from bakeoff.measure.quiet_cpus import hold_on
threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
cpu = max(os.sched_getaffinity(0))
assert hold_on([cpu]) is None
threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
print([os.sched_getaffinity(int(t)) == {cpu} for t in os.listdir('/proc/self/task')])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[True, True, True]"
