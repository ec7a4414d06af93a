"""What a stage's results depend on besides its inputs: Bakeoff's own code for that stage."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from bakeoff import backends
from bakeoff.models.sources import source_code

PACKAGE = Path(__file__).parents[1]

_EVERY_JOB = ("supervision/child.py", "jobs/engine_job.py")
_SESSION = ("backends/base.py", "backends/cuda_stream.py", "backends/torch_session.py", "backends/onnxruntime/*.py",
            "backends/tensorrt/*.py", "profiling/running_average.py")  # fmt: skip
_COMPILERS = ("backends/exported.py", "backends/torch_dtypes.py", "backends/torch_tensorrt/graph_cut.py")

_MEASURE = tuple(f"measure/{name}.py" for name in ("clock", "device_time", "garbage", "loop", "memory", "modes",
                 "samples", "statistics", "stopping", "telemetry", "throughput", "transfer", "warmup"))  # fmt: skip

_COMPARISON = ("accuracy/metrics.py", "models/arrays.py", "models/spread.py")

# What all sources share; the file of the model's own source comes besides.
_SOURCES = tuple(f"models/sources/{name}.py" for name in ("__init__", "base", "weighted"))

STAGE_CODE: dict[str, tuple[str, ...]] = {
    "environment": ("jobs/environment.py", "limits/rates.py", "core/machine.py"),
    "reference": ("jobs/reference.py", "limits/work.py", "models/*.py", *_SOURCES),
    "export": ("jobs/export.py", "exports/*.py", "models/*.py", *_SOURCES),
    "calibrate": ("jobs/calibrate.py", "quantization/calibration_set.py", "quantization/images.py", "models/inputs.py"),
    "quantize": ("quantization/*.py",),
    "build": ("jobs/build.py", "profiling/precision_held.py", *_COMPILERS, *_EVERY_JOB, *_SESSION),
    "time": ("jobs/time.py", "core/quantiles.py", *_MEASURE, *_COMPARISON, *_EVERY_JOB, *_SESSION),
    "verify": ("jobs/verify.py", "accuracy/judge.py", "accuracy/tolerance.py", *_COMPARISON, *_EVERY_JOB, *_SESSION),
    "profile": ("jobs/profile.py", "profiling/*.py", "core/quantiles.py", *_EVERY_JOB, *_SESSION),
    "collect": ("collect/**/*.py", "limits/share.py", "core/formats.py", "core/quantiles.py", "measure/statistics.py",
                "measure/modes.py", "accuracy/doubts.py"),
    "plots": ("report/plots/*.py", "report/limits.py", "limits/share.py", "core/formats.py"),
    "report": ("report/**/*", "collect/gpu.py", "limits/share.py", "core/formats.py", "collect/warnings/codes.py",
               "accuracy/doubts.py", "backends/torch_tensorrt/graph_cut.py"),
    "verdict": ("collect/verdict.py",),
}  # fmt: skip
"""Files (patterns below the package) whose change makes a stage's results stale."""


@functools.cache
def code_digest(stage: str, kind: str | None = None, source: str | None = None) -> str:
    """A short digest of the code behind a stage, and of the files of a backend kind and a model source it involves.

    Those lie beside Bakeoff's own or in a folder that BAKEOFF_BACKENDS or BAKEOFF_SOURCES names.
    """
    files = {
        file.relative_to(PACKAGE).as_posix(): file for pattern in STAGE_CODE[stage] for file in PACKAGE.glob(pattern)
    }
    if kind:
        files |= {
            f"backends/{file.relative_to(folder)}": file
            for folder in backends.__path__
            for file in (*Path(folder).glob(f"{kind}.py"), *Path(folder).glob(f"{kind}/*.py"))
        }
    if source:
        files |= {f"models/sources/{source}/{file.name}": file for file in source_code(source)}
    state = hashlib.sha256()
    for name, file in sorted(files.items()):
        if file.is_file() and "__pycache__" not in file.parts:
            state.update(name.encode())
            state.update(file.read_bytes())
    return state.hexdigest()[:12]
