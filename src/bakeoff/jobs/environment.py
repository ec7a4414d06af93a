"""Records what a study runs on, and what its device does at most."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from bakeoff import __version__
from bakeoff.artifacts.base import Part
from bakeoff.artifacts.environment import DeviceLimits, EnvironmentRecord
from bakeoff.core.cell import Cell
from bakeoff.core.compiler import compiler_version
from bakeoff.core.distributions import versions_of
from bakeoff.core.job_messages import under_way
from bakeoff.core.machine import Gpu, Machine
from bakeoff.core.precision import Precision
from bakeoff.devices.take import take_device
from bakeoff.freshness.environment_variables import recorded
from bakeoff.limits.rates import measure_limits


class Spec(Part):
    """What the environment job is told."""

    target: Cell
    device: str
    threads: int
    gpus: list[Gpu]
    """All GPUs of the machine: the job itself sees only the one that it measures."""
    precisions: list[Precision]
    """Those of the targets that run here; none: nothing is measured, and torch not imported."""
    distributions: list[str]
    """Names of all distributions that the study's backends rest on."""


def run(spec_json: dict[str, Any]) -> EnvironmentRecord:
    """Look at machine and software. Units are in the record's field names."""
    import psutil

    spec = Spec.model_validate(spec_json)
    machine = Machine.detect()
    return EnvironmentRecord(
        target=spec.target,
        status="ok",
        device=spec.device,
        fingerprint=machine.fingerprint(spec.device),
        machine=replace(machine, gpus=tuple(spec.gpus)).to_json(),
        memory_bytes=psutil.virtual_memory().total,
        os=platform.platform(),
        python=platform.python_version(),
        bakeoff=__version__,
        commit=_commit(),
        library=versions_of(tuple(spec.distributions)),
        compiler=machine.compiler and compiler_version(machine.compiler),
        variables=recorded(on_gpu=spec.device != "cpu"),
        frequency=_frequency(),
        threads=spec.threads,
        limits=_limits(spec) if spec.precisions else None,
    )


def _limits(spec: Spec) -> DeviceLimits:
    import torch  # noqa: F401 - before the device is taken: no import is beside a measurement

    take_device()
    with under_way("limits"):
        return measure_limits(spec.device, spec.threads, spec.precisions)


def _commit() -> str | None:
    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "--short=12", "HEAD")
    return f"{commit}+dirty" if commit and git("status", "--porcelain", "--untracked-files=no") else commit


def _frequency() -> dict[str, Any]:
    """Governor and turbo, where the system says; virtual machines mostly do not."""
    found: dict[str, Any] = {}
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor.exists():
        found["governor"] = governor.read_text().strip()
    no_turbo = Path("/sys/devices/system/cpu/intel_pstate/no_turbo")
    if no_turbo.exists():
        found["turbo"] = no_turbo.read_text().strip() == "0"
    return found
