"""The CPUs' own counters: who used which CPU between two moments, in seconds and not in shares of the machine.

A share thins out with the machine's size: a neighbour's process on one of four CPUs that are measured on is 1.6 % of a
machine of 64. Sources: /proc/stat and /proc/self/task/*/schedstat (proc(5); Documentation/scheduler/sched-stats.rst).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_STAT = Path("/proc/stat")
_TASKS = Path("/proc/self/task")


@dataclass(frozen=True)
class CpuTimes:
    """Time since boot of one CPU, or of all together, in seconds."""

    busy_s: float
    """Computing for any process."""
    steal_s: float
    """Taken away by the hypervisor."""
    total_s: float
    """Everything, idling included."""

    def since(self, before: CpuTimes) -> CpuTimes:
        """The difference to an earlier reading."""
        return CpuTimes(
            self.busy_s - before.busy_s, self.steal_s - before.steal_s, self.total_s - before.total_s
        )  # fmt: skip


@dataclass(frozen=True)
class Counters:
    """One reading of all counters."""

    cpus: dict[int, CpuTimes]
    own_s: float
    """CPU time of this process and of the children that it waited for."""
    waited_s: float | None
    """Time for which threads of this process could have run and had no CPU; None where the kernel does not say."""

    @property
    def machine(self) -> CpuTimes:
        """All CPUs together."""
        times = self.cpus.values()
        return CpuTimes(sum(t.busy_s for t in times), sum(t.steal_s for t in times), sum(t.total_s for t in times))


def read_counters(stat: Path = _STAT, tasks: Path = _TASKS) -> Counters | None:
    """The counters now; None where the system has no usable /proc/stat."""
    try:
        lines = stat.read_text().splitlines()
    except OSError:
        return None
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    cpus = {}
    for name, *fields in map(str.split, lines):
        if name.startswith("cpu") and name[3:].isdigit() and len(fields) >= 8:
            user, nice, system, idle, iowait, irq, softirq, steal = (int(field) * tick_s for field in fields[:8])
            busy = user + nice + system + irq + softirq
            cpus[int(name[3:])] = CpuTimes(busy, steal, busy + steal + idle + iowait)
    return Counters(cpus, sum(os.times()[:4]), _waited_s(tasks)) if cpus else None


def _waited_s(tasks: Path) -> float | None:
    """Time on a run queue, without a CPU, of the threads that there are now."""
    waited_ns = []
    with suppress(OSError):
        for task in tasks.iterdir():
            with suppress(OSError, ValueError, IndexError):  # a thread may end meanwhile
                waited_ns.append(int((task / "schedstat").read_text().split()[1]))
    return sum(waited_ns) / 1e9 if waited_ns else None


@dataclass(frozen=True)
class Taken:
    """What others took of some CPUs between two readings, in CPUs: 0.5 is half of one CPU."""

    steal_cores: float
    """By the hypervisor."""
    other_cores: float
    """By other processes."""
    waited_cores: float | None
    """Threads of this process that had no CPU though they could have run, on average."""


def taken(before: Counters | None, after: Counters | None, cpus: Iterable[int], seconds: float) -> Taken | None:
    """What others took of `cpus` between two readings that lie `seconds` apart; None where it cannot be told.

    All of this process is counted as running on these CPUs.
    """
    if before is None or after is None or seconds <= 0:
        return None
    both = [cpu for cpu in cpus if cpu in before.cpus and cpu in after.cpus]
    if not both:
        return None
    passed = [after.cpus[cpu].since(before.cpus[cpu]) for cpu in both]
    # The kernel counts ticks and this process's time separately; over a short region they may disagree by a tick.
    other_s = max(0.0, sum(times.busy_s for times in passed) - (after.own_s - before.own_s))
    waited = None
    if before.waited_s is not None and after.waited_s is not None:
        waited = max(0.0, after.waited_s - before.waited_s) / seconds
    return Taken(max(0.0, sum(times.steal_s for times in passed)) / seconds, other_s / seconds, waited)
