"""Measurements on GPUs start together and are measured one after another, so that no import disturbs a measurement.

A process that imports PyTorch beside one that is measured slows down what waits for the host: of a network that
TensorRT runs in 0.4 ms without a CUDA graph, whole rounds took 0.56 ms (two others importing, 32 CPUs). So whoever
wants to start waits until nobody is measured or about to be, and nobody is measured while others of its batch still
start. One start for each batch costs much less than one for each measurement.

Two lock files, which the kernel frees on any death, also between studies on one host: `starting` is shared by those who
start, `ready` by those who have started, until they end.
"""

from __future__ import annotations

from fcntl import LOCK_EX, LOCK_SH, LOCK_UN, flock


def begin_start(ready: int, starting: int) -> None:
    """Wait until nobody is ready, then count as one who starts. The arguments are descriptors of the two files."""
    flock(ready, LOCK_EX)
    flock(starting, LOCK_SH)  # before the other is let go, else somebody could be measured from in between on
    flock(ready, LOCK_UN)


def end_start(ready: int, starting: int) -> None:
    """Count as ready, then wait until everybody else who started is, too."""
    flock(ready, LOCK_SH)
    flock(starting, LOCK_UN)
    flock(starting, LOCK_EX)
    flock(starting, LOCK_UN)
