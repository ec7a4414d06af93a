"""Show that watching the machine does not change what is measured.

A small convolutional network in PyTorch is measured with the readings of the machine (load, clocks, NVML) around the
timed region and without them, in turn, five times each. The table holds the medians and their ratio in each pair; a
ratio near 1 says that the readings disturb nothing. DEVICE is `cpu`, `cuda` or `cuda:<index>`; when left out, the first
GPU, or the CPU where there is none.

    python -m bakeoff monitor-check cuda:0
"""

from __future__ import annotations

import statistics

import click

from bakeoff.artifacts.timing import Telemetry
from bakeoff.backends.base import EngineSpec, InputInfo, Session
from bakeoff.core.errors import BakeoffError
from bakeoff.core.machine import Machine
from bakeoff.measure.loop import LoopSettings, measure
from bakeoff.measure.settings import Timing, Warmup
from bakeoff.measure.telemetry import Observer

PAIRS = 5
BATCH = 1
SHAPE = (3, 64, 64)


class NoObserver(Observer):
    """Looks at nothing."""

    def __init__(self) -> None:
        super().__init__("cpu")

    def before(self) -> None:
        """Read nothing."""

    def after(self) -> None:
        """Read nothing."""

    def telemetry(self) -> Telemetry:
        """Nothing was read."""
        return Telemetry()


def medians_on_and_off(
    session: Session, batch_size: int, settings: LoopSettings, pairs: int
) -> list[tuple[float, float]]:
    """Median latency in ms, watched and not watched, of each pair. Which of the two goes first alternates."""
    found = []
    for pair in range(pairs):
        ms: dict[bool, float] = {}
        for watched in (True, False) if pair % 2 == 0 else (False, True):
            observer = Observer(settings.device) if watched else NoObserver()
            latency_ms = measure(session, batch_size, settings, observer=observer).kept.latency_ms
            ms[watched] = statistics.median(latency_ms.tolist())
        found.append((ms[True], ms[False]))
    return found


def small_session(device: str) -> Session:
    """A small network, its inputs on the device."""
    import numpy as np
    import torch

    from bakeoff.backends.shared.torch_session import TorchSession, configure_torch

    inputs = [InputInfo("image", SHAPE, "float32")]
    threads = 1 if device == "cpu" else torch.get_num_threads()
    spec = EngineSpec("fp32", device, threads, BATCH, BATCH, BATCH, inputs)
    configure_torch(spec)
    layers = [torch.nn.Conv2d(3 if i == 0 else 32, 32, 3, padding=1) for i in range(4)]
    session = TorchSession(torch.nn.Sequential(*layers).eval().to(device), spec)
    session.prepare([np.random.default_rng(0).standard_normal((BATCH, *SHAPE)).astype(np.float32)])
    return session


def device_to_use(asked: str, machine: Machine) -> str:
    """`cpu` or `cuda:<index>`, as the machine has it. Raises BakeoffError where it has none of that name."""
    present = ["cpu", *(f"cuda:{gpu.index}" for gpu in machine.gpus)]
    device = machine.device(asked)
    if device not in present:
        raise BakeoffError(f"device {asked!r}: this machine has no such device; it has {', '.join(present)}")
    return device


@click.command()
@click.argument("device", default="auto")
def command(device: str) -> None:
    """Print the comparison on a device."""
    device = device_to_use(device, Machine.detect())
    settings = LoopSettings(Warmup(min_s=0.5), Timing(min_s=2.0, max_s=4.0, throughput_s=0.5), device)
    pairs = medians_on_and_off(small_session(device), BATCH, settings, PAIRS)
    click.echo("| pair | watched (ms) | not watched (ms) | ratio |\n|---|---|---|---|")
    for number, (on, off) in enumerate(pairs, start=1):
        click.echo(f"| {number} | {on:.4f} | {off:.4f} | {on / off:.4f} |")
    ratios = [on / off for on, off in pairs]
    click.echo(f"ratio on/off: median {statistics.median(ratios):.4f}, from {min(ratios):.4f} to {max(ratios):.4f}")
