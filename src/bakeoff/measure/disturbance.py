"""When a measurement counts as disturbed, so that it is measured again.

The limits stand here, since measuring has to decide at once; collecting uses the same ones for its warning.
"""

from __future__ import annotations

from bakeoff.artifacts.timing import Telemetry

OTHER_CORES = 0.1
"""On a CPU: a measurement is disturbed where other processes took more than so much of a CPU from those it used."""
GPU_OTHER_CORES = 0.25
"""The same beside a GPU. Its process needs one CPU of those it is held on, and the other may be somebody else's."""
STEAL_CORES = 0.05
"""Where the hypervisor took more than so much of a CPU. It is less than for other processes, since the hypervisor
interrupts the measured process itself."""


def taken_cores(telemetry: Telemetry) -> float:
    """How much of a CPU others took altogether: the less, the better a measurement; 0 where nothing is known."""
    return (telemetry.other_cores or 0.0) + (telemetry.steal_cores or 0.0)


def disturbance(telemetry: Telemetry, on_gpu: bool) -> str | None:
    """What disturbed a measurement, in words; None where nothing did, as far as is known."""
    found = []
    limit = GPU_OTHER_CORES if on_gpu else OTHER_CORES
    if (telemetry.other_cores or 0.0) > limit:
        found.append(f"other processes took {telemetry.other_cores:.2f} of a CPU")
    if (telemetry.steal_cores or 0.0) > STEAL_CORES:
        found.append(f"the hypervisor took {telemetry.steal_cores:.2f} of a CPU")
    return " and ".join(found) or None
