"""On PYTHONPATH, this gives the machine two GPUs and makes the jobs of a study pretend: they sleep and write down when.

A line of the file SIMULATED_NOTES is one job: stage, backend, GPU, and when it started, had imported, began to use the
device and ended (s).
"""

import json
import os
import sys
import types

from bakeoff.core import machine

IMPORT_S, HOLD_S = 0.4, 0.4
MEASURE_S = 1.5  # longer than Snakemake takes to start the next jobs

GPUS = tuple(machine.Gpu(index, "simulated", 10**9, (9, 0), f"GPU-simulated-{index}") for index in range(2))
machine._gpus = lambda: (GPUS, "1")


def pretend(stage: str) -> types.ModuleType:
    """The job module of a stage."""

    def run(job: dict) -> object:
        import time
        from contextlib import nullcontext

        from bakeoff.artifacts.stages import RECORDS
        from bakeoff.devices.kernel_timing_turns import KernelTimingTurns
        from bakeoff.devices.take import take_device

        started = time.time()
        time.sleep(IMPORT_S)
        imported = time.time()
        take_device()
        tunes = stage == "build" and job["backend"].get("max_autotune")
        with KernelTimingTurns()() if tunes else nullcontext():
            begin = time.time()
            time.sleep(MEASURE_S if stage == "time" else HOLD_S)
            end = time.time()
        gpu = os.environ.get("CUDA_VISIBLE_DEVICES")
        note = [stage, job["target"]["backend"], gpu, started, imported, begin, end]
        with open(os.environ["SIMULATED_NOTES"], "a") as notes:
            notes.write(json.dumps(note) + "\n")
        return RECORDS[stage].model_construct(target=job["target"], status="ok")

    module = types.ModuleType(f"bakeoff.jobs.{stage}")
    module.run = run
    return module


if "bakeoff.supervision.child" in sys.orig_argv:
    job = sys.orig_argv[sys.orig_argv.index("bakeoff.supervision.child") + 1]
    sys.modules[f"bakeoff.jobs.{job}"] = pretend(job)
