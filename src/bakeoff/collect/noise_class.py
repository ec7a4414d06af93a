"""Which targets are alike in how their rounds vary."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.artifacts.timing import TimingRecord
from bakeoff.collect.warnings.rules import waits_for_host


def noise_class(rounds: Sequence[TimingRecord]) -> str:
    """`host` where the GPU waits for the host in most rounds, else `device`.

    A host that enqueues kernel after kernel is disturbed by everything else on it: fresh processes differ by a quarter.
    What the GPU or a CPU's cores take for their arithmetic differs by a hundredth. On a CPU all targets are of one
    class.
    """
    waiting = sum(map(waits_for_host, rounds))
    return "host" if 2 * waiting > len(rounds) else "device"
