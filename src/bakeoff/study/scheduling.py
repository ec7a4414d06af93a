"""How many cores a job takes, in which order jobs are begun, and how long each may take."""

from __future__ import annotations

import math

from bakeoff.config.study import Limits
from bakeoff.study.jobs import Job
from bakeoff.study.plan import Plan

PRIORITIES = {"environment": 100, "reference": 90, "calibrate": 85, "export": 80, "build": 70, "verify": 60,
              "profile": 50}  # fmt: skip
"""Of the jobs of each stage, the highest first. Timing lies below all of them and falls with each round, so that every
target's first round comes before any target's second: rounds are interleaved over targets."""


def priority(plan: Plan, job: Job) -> int:
    """Priority of a job; among builds the longest are begun first."""
    if job.stage == "time":
        return -(job.cell.round or 0) * (len(plan.targets) + 1) - plan.place_in_round(job.cell)
    longer = plan.backends[job.cell.need("backend")].build_length() if job.stage == "build" else 0
    return PRIORITIES[job.stage] + longer


def cores_to_measure(plan: Plan, cores: int) -> int:
    """How many of Snakemake's cores a measurement takes.

    On a CPU all of them, so that nothing else of the study runs while a target is measured. A GPU is owned by its lock
    (bakeoff.devices.locks), and a measurement that waits for the lock must not keep cores from the builds that go
    first.
    """
    return 1 if plan.gpus else cores


def cores_to_build(plan: Plan, label: str, cores: int) -> int:
    """How many of Snakemake's cores a backend's builds take.

    On GPUs half as many as they have threads, which is about what they keep busy. More builds at once would slow each
    other down, which shows in `build_s` and in the choices of builds that time kernels. On a CPU a build takes one
    core, but all of them where it times kernels, so that nothing else runs.
    """
    if plan.gpus:
        return min(math.ceil(plan.threads_of(label) / 2), cores)
    return cores if plan.backends[label].times_kernels(plan.device) else 1


def builds_at_once(plan: Plan, cores: int) -> float:
    """About how many builds of this study run side by side."""
    taken = [cores_to_build(plan, engine.need("backend"), cores) for engine in plan.engines]
    return cores / (sum(taken) / len(taken)) if taken else 1.0


def limit_s(limits: Limits, stage: str) -> int:
    """Longest time that a job of a stage may take, in whole seconds."""
    of_stage = {
        "reference": limits.export_s,
        "calibrate": limits.export_s,
        "export": limits.export_s,
        "build": limits.build_s,
    }
    return math.ceil(of_stage.get(stage, limits.time_s))
