"""Measurements on GPUs start together and are measured one after another, so that no import disturbs a measurement.

A process that imports PyTorch beside one that is measured slows down what waits for the host: of a network that
TensorRT runs in 0.4 ms without a CUDA graph, whole rounds took 0.56 ms (two others importing, 32 CPUs). So a
process that wants to start waits until no other is being measured or about to be, and no process is measured while
others that started with it are still importing. One start for each batch costs much less than one for each measurement.

There are two lock files, which hold between all studies on one host, and which the kernel frees when a process ends,
however it ends. Processes that are starting share `starting`. Processes that have started share `ready` until they end.
"""

from __future__ import annotations

from fcntl import LOCK_EX, LOCK_SH, LOCK_UN, flock


def begin_start(ready: int, starting: int) -> None:
    """Wait until no process is ready to be measured, then count as one that is starting.

    The arguments are descriptors of the two lock files.
    """
    flock(ready, LOCK_EX)
    # `starting` is taken before `ready` is released. Otherwise another process could, between the two calls, find that
    # nobody is starting, and would be measured while this one imports.
    flock(starting, LOCK_SH)
    flock(ready, LOCK_UN)


def end_start(ready: int, starting: int) -> None:
    """Count as ready to be measured, then wait until every other process that was starting is ready, too."""
    flock(ready, LOCK_SH)
    flock(starting, LOCK_UN)
    flock(starting, LOCK_EX)  # granted once no process holds it as one that is starting
    flock(starting, LOCK_UN)
