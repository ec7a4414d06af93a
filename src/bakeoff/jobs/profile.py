"""The job that takes the layer times of one target, apart from its timing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from bakeoff.artifacts.profile import ProfileRecord
from bakeoff.core.job_messages import under_way
from bakeoff.jobs.engine_job import EngineJob
from bakeoff.profiling.trace import write_trace

TRACE = "trace.json"

WARM_UP_RUNS = 3


class Spec(EngineJob):
    """What to profile, and for how long."""

    batch_size: int
    runs: int
    """Profiled inferences, fewer where they would take longer than max_s."""
    max_s: float
    out: str
    """Folder of the target, for trace.json."""


def run(spec_json: dict[str, Any]) -> ProfileRecord:
    """Profile one target; a backend without a profiler gives a record of status `unsupported`."""
    spec = Spec.model_validate(spec_json)
    files = spec.checked_files()
    inputs = spec.batch_of_inputs(spec.batch_size)
    with under_way("import"):
        spec.make_backend().import_profiler()
    spec.ready()
    try:
        with closing(spec.load(files, spec.batch_size)) as session, under_way("profile"):
            session.prepare(inputs)
            for _ in range(WARM_UP_RUNS):
                session.run()
            session.synchronize()
            times = session.layers(spec.runs, spec.max_s)
    except NotImplementedError:
        return ProfileRecord(
            target=spec.target,
            status="unsupported",
            reason=f"{spec.backend['kind']} has no profiler that tells layers apart",
            error_type="unsupported",
            device=spec.device,
        )
    trace = Path(spec.out) / TRACE
    write_trace(trace, times.layers, spec.target.words())
    return ProfileRecord(
        target=spec.target,
        status="ok",
        device=spec.device,
        runs=times.runs,
        layers=times.layers,
        layer_sum_ms=sum(layer.time_ms.median for layer in times.layers),
        profiled_latency_ms=times.latency_ms,
        notes=times.notes,
        trace=str(trace),
    )
