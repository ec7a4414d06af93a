"""Holds the timed process on CPUs that were quiet just before.

On a shared host, some virtual CPUs are slow for a second or so because other tenants use the same core, and a process
that the kernel moves from CPU to CPU meets them. One that is held on quiet ones meets fewer, and those that come later
are seen in the counters of just these CPUs (`bakeoff.measure.cpu_counters`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bakeoff.measure.cpu_counters import Counters, read_counters

GPU_CPUS = 2
"""CPUs that a process which measures a GPU is held on: one thread enqueues all work, and libraries have helpers."""
WATCH_S = 0.2
"""How long CPUs are watched before some are chosen. The counters advance every 10 ms."""
SIBLING_WEIGHT = 0.5
"""How much the load of the other hardware thread of a core counts: it takes about half of the core."""

_TOPOLOGY = Path("/sys/devices/system/cpu")
_TASKS = Path("/proc/self/task")


@dataclass(frozen=True)
class Held:
    """On which CPUs the process is held."""

    cpus: tuple[int, ...] | None
    """None: on none in particular."""
    why_not: str | None = None


@dataclass(frozen=True)
class Place:
    """Where a CPU sits."""

    core: tuple[int, ...]
    """The CPUs of its physical core, itself included."""
    package: int


class QuietCpus:
    """Chooses CPUs among those that this process may use, and holds all its threads there."""

    def __init__(
        self,
        count: int,
        read: Callable[[], Counters | None] = read_counters,
        sleep: Callable[[float], None] = time.sleep,
        places: Mapping[int, Place] | None = None,
    ) -> None:
        """For `count` CPUs; the other arguments are the machine's own when left out."""
        self.allowed = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
        self._count = count
        self._read = read
        self._sleep = sleep
        self._places = places

    def hold(self) -> Held:
        """Watch the CPUs for a moment, and hold this process on the quietest. May be called again."""
        if not self.allowed:
            return Held(None, "this system cannot hold a process on CPUs")
        if len(self.allowed) <= self._count:
            return Held(None, f"the target uses all {len(self.allowed)} CPUs that this process may use")
        before = self._read()
        self._sleep(WATCH_S)
        after = self._read()
        if before is None or after is None:
            return Held(None, "this system does not say how busy its CPUs are")
        passed = {cpu: times.since(before.cpus[cpu]) for cpu, times in after.cpus.items() if cpu in before.cpus}
        loads = {cpu: (times.busy_s + times.steal_s) / WATCH_S for cpu, times in passed.items()}
        chosen = choose(self._count, self.allowed, loads, self._places or places_of(self.allowed))
        why_not = hold_on(chosen)
        return Held(None, why_not) if why_not else Held(chosen)


def choose(
    count: int, allowed: Iterable[int], loads: Mapping[int, float], places: Mapping[int, Place]
) -> tuple[int, ...]:
    """The quietest CPUs: of one package where it has enough, and of different cores as far as these suffice.

    Args:
        count: How many.
        allowed: CPUs that may be used, at least `count`.
        loads: How busy each CPU of the machine was, 0 to 1; one that is not there counts as busy.
        places: Where each allowed CPU sits.
    """

    def burden(cpu: int) -> float:
        siblings = [loads.get(other, 0.0) for other in places[cpu].core if other != cpu]
        return loads.get(cpu, 1.0) + SIBLING_WEIGHT * max(siblings, default=0.0)

    by_package: dict[int, list[int]] = {}
    for cpu in sorted(allowed, key=lambda cpu: (burden(cpu), cpu)):
        by_package.setdefault(places[cpu].package, []).append(cpu)
    groups = [cpus for cpus in by_package.values() if len(cpus) >= count]
    groups = groups or [sorted(allowed, key=lambda cpu: (burden(cpu), cpu))]
    found = [_of_different_cores(cpus, count, places) for cpus in groups]
    return min(found, key=lambda cpus: sum(map(burden, cpus)))


def _of_different_cores(quietest_first: Sequence[int], count: int, places: Mapping[int, Place]) -> tuple[int, ...]:
    first_of_core: dict[tuple[int, ...], int] = {}
    for cpu in quietest_first:
        first_of_core.setdefault(places[cpu].core, cpu)
    alone = list(first_of_core.values())
    seconds = [cpu for cpu in quietest_first if cpu not in alone]
    return tuple(sorted([*alone, *seconds][:count]))


def places_of(cpus: Iterable[int], topology: Path = _TOPOLOGY) -> dict[int, Place]:
    """Where CPUs sit, as Linux tells; each is a core of its own where it does not."""
    return {cpu: _place_of(cpu, topology / f"cpu{cpu}" / "topology") for cpu in cpus}


def _place_of(cpu: int, folder: Path) -> Place:
    core: tuple[int, ...] = (cpu,)
    package = 0
    with suppress(OSError, ValueError):
        core = tuple(_numbers((folder / "thread_siblings_list").read_text()))
    with suppress(OSError, ValueError):
        package = int((folder / "physical_package_id").read_text())
    return Place(core if cpu in core else (cpu,), package)


def _numbers(text: str) -> list[int]:
    """`0-2,5` as [0, 1, 2, 5]."""
    found: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def hold_on(cpus: Sequence[int], tasks: Path = _TASKS) -> str | None:
    """Hold every thread of this process on some CPUs; threads to come inherit it. Returns why it could not be done."""
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        return f"the system does not let this process choose its CPUs ({error.strerror})"
    try:
        threads = [int(task.name) for task in tasks.iterdir()]
    except OSError:
        os.sched_setaffinity(0, before)
        return "this system does not list the threads of a process"
    for thread in threads:
        with suppress(OSError):  # it has ended
            os.sched_setaffinity(thread, cpus)
    return None
