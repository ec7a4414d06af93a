"""Who uses a device when, also between studies on one host.

The means are file locks, which the kernel frees when their holder ends, however it ends.

A measurement (timing, profile, the device's limits) has its device to itself. On a CPU it holds the lock of the host
alone, and all else that any study does on this host shares it: exports, builds and checks, and measurements on GPUs,
which need its processor, too. On a GPU its process takes the lock of the GPU once it has imported what it needs;
several processes import at the same time (bakeoff.devices.start_gate). All other work of a study on GPUs shares the
locks of all of these: such jobs run side by side, but never beside a measurement, because they would keep the host busy
that the measurement needs. Builds that time kernels (autotuning) take turns at it on each GPU
(bakeoff.devices.kernel_timing_turns).

Locks are always taken in the same order (gate, host, GPUs by their id), so no two processes can wait for each other for
ever. The kernel lets new sharers in while somebody waits to be alone, so a measurement could wait for as long as builds
follow one another: it therefore closes a gate first, which everybody passes on the way to the host's lock.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bakeoff.core.machine import Gpu
from bakeoff.devices.start_gate import begin_start

MEASUREMENTS = ("environment", "time", "profile")
"""Stages that have their device to themselves."""
WORK = ("reference", "export", "calibrate", "build", "verify")
"""Stages that keep processor or GPU busy, and may do so side by side."""

STARTED_PER_GPU = 12
"""At most so many measurements are under way on one GPU. They start and import together (which took 4 s on a machine
where measuring a target took 3 s), then each has the GPU to itself, one after another."""


@dataclass(frozen=True)
class Place:
    """Where a job runs."""

    gpu: Gpu | None = None
    """The one GPU that it sees; None on a CPU."""
    locks: tuple[int, ...] = ()
    """Descriptors of lock files for `bakeoff.devices.take.take_device`: that of the GPU, which the job's process locks
    before it uses the GPU, and for a measurement also the two of `bakeoff.devices.start_gate`. Empty: no waiting."""
    kernel_timing_lock: int | None = None
    """Descriptor of the lock file for `bakeoff.devices.kernel_timing_turns`, of a build on a GPU."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All descriptors that the job's process must be given."""
        return self.locks if self.kernel_timing_lock is None else (*self.locks, self.kernel_timing_lock)


@contextmanager
def place(stage: str, device: str | None, gpus: Sequence[Gpu], say: Callable[[str], None]) -> Iterator[Place]:
    """Find a place for a job, and keep it for the block.

    Args:
        stage: A name from `bakeoff.artifacts.stages.RECORDS`.
        device: `cpu` or `cuda:<index>`; None for a job that uses no device but the processor.
        gpus: The GPUs of the study; empty on a CPU.
        say: Told when there is something to wait for.
    """
    with ExitStack() as stack:
        if stage in MEASUREMENTS and not gpus:
            waiting = "waiting: another study is at work on this machine"
            stack.enter_context(_host(fcntl.LOCK_EX, say, waiting))
        else:
            waiting = "waiting: another study is measuring on this machine's processor"
            stack.enter_context(_host(fcntl.LOCK_SH, say, waiting))
        if stage in WORK:
            for gpu in sorted(gpus, key=lambda gpu: gpu.uuid):
                waiting = f"waiting: a target is being measured on cuda:{gpu.index}"
                stack.enter_context(_locked(gpu.uuid, fcntl.LOCK_SH, say, waiting))
        if not gpus or device is None:
            yield Place()
            return
        gpu = stack.enter_context(_seat(gpus))
        if stage in MEASUREMENTS:
            lock, *gate = (stack.enter_context(_opened(name)) for name in (gpu.uuid, "ready", "starting"))
            begin_start(*gate)
            yield Place(gpu, (lock, *gate))
        elif stage == "build":
            yield Place(gpu, kernel_timing_lock=stack.enter_context(_opened(f"{gpu.uuid}-turn")))
        else:
            yield Place(gpu)


@contextmanager
def _host(how: int, say: Callable[[str], None], waiting: str) -> Iterator[None]:
    """This host's processor: alone, as far as studies go (`LOCK_EX`), or never beside a measurement (`LOCK_SH`)."""
    with ExitStack() as stack:
        with _locked("gate", how, say, waiting):
            stack.enter_context(_locked("host", how, say, waiting))
        yield


@contextmanager
def _locked(name: str, how: int, say: Callable[[str], None], waiting: str) -> Iterator[None]:
    with _opened(name) as lock:
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            say(waiting)
            fcntl.flock(lock, how)
        yield


@contextmanager
def _seat(gpus: Sequence[Gpu]) -> Iterator[Gpu]:
    """The GPU with the fewest jobs: each job that uses a GPU, or queues for it, holds the lowest free seat there."""
    for number in itertools.count():
        for gpu in gpus:
            with _opened(f"{gpu.uuid}-seat{number}") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield gpu
                return


@contextmanager
def _opened(name: str) -> Iterator[int]:
    folder = Path(tempfile.gettempdir()) / f"bakeoff-locks-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
