"""Times one round of one target: loads the engine in this fresh process, measures, keeps the raw samples."""

from __future__ import annotations

import hashlib
import io
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.accuracy.metrics import compare
from bakeoff.artifacts.io import write_bytes
from bakeoff.artifacts.timing import Cold, Disturbed, Memory, TimedOutputs, TimingRecord, WarmUp
from bakeoff.core.job_messages import device_used, place_in_round, session_id, under_way
from bakeoff.jobs.engine_job import EngineJob
from bakeoff.measure.loop import LoopSettings, Measurement, measure
from bakeoff.measure.memory import DeviceMemory, peak_rss_bytes
from bakeoff.measure.modes import split_in_two
from bakeoff.measure.quiet_cpus import GPU_CPUS, Held, QuietCpus
from bakeoff.measure.settings import Timing, Warmup
from bakeoff.measure.statistics import summarize
from bakeoff.measure.transfer import measure_transfer

if TYPE_CHECKING:
    import numpy as np

SAMPLES_FILE = "samples.npz"


class Spec(EngineJob):
    """What a timing job is told; `target` has a batch size and a round."""

    warmup: Warmup
    timing: Timing
    out: str
    """Folder of the round: the samples go there."""


def run(spec_json: dict[str, Any]) -> TimingRecord:
    """Time one round and return its record.

    The record holds facts only; `bakeoff.collect.warnings` derives what is doubtful about them later. Engine files are
    checked and inputs read before the engine is loaded, so that `load_s` holds nothing but the load. Memory is read
    before copies to and from the device are timed, since these need more of it. The outputs of the last inference are
    compared with the reference, since the accuracy check saw the outputs of another process only.

    Raises:
        BakeoffError: An engine file is missing or altered.
        EngineError: The backend cannot load the engine.
    """
    spec = Spec.model_validate(spec_json)
    batch_size = spec.target.batch_size
    if batch_size is None:
        raise ValueError("a timing job needs target.batch_size")
    files = spec.checked_files()
    inputs = spec.batch_of_inputs(batch_size)

    memory = DeviceMemory(spec.device)
    backend, import_s = spec.ready()
    start = time.perf_counter()
    with under_way("load"):
        session = backend.load(Path(spec.engine), files, spec.engine_spec(), batch_size)
        load_s = time.perf_counter() - start
    with closing(session):
        session.prepare(inputs)
        with under_way("timing"):
            begun = datetime.now(UTC)
            settings = LoopSettings(spec.warmup, spec.timing, spec.device)
            hold = QuietCpus(spec.threads if spec.device == "cpu" else GPU_CPUS).hold if spec.timing.pin else None
            measured = measure(session, batch_size, settings, hold=hold)
            allocator_peak_bytes = session.allocator_peak_bytes()
            taken = Memory(
                device_peak_bytes=memory.taken_bytes(
                    [attempt.telemetry for attempt in (measured.kept, *measured.disturbed)], allocator_peak_bytes
                ),
                allocator_peak_bytes=allocator_peak_bytes,
                host_rss_bytes=peak_rss_bytes(),
            )
            outputs = session.outputs()
            transfer = measure_transfer(*session.device_tensors())

    samples, kept = Path(spec.out) / SAMPLES_FILE, measured.kept
    held = kept.held or Held(None, "timing.pin is off")
    return TimingRecord(
        target=spec.target,
        status="ok",
        device=device_used() or spec.device,
        begun=begun.isoformat(timespec="milliseconds"),
        session=session_id(),
        order=place_in_round(),
        threads=spec.threads,
        pinned_cpus=None if held.cpus is None else list(held.cpus),
        not_pinned=held.why_not,
        latency_ms=summarize(kept.latency_ms),
        device_ms=None if measured.device_ms is None else summarize(measured.device_ms),
        modes=split_in_two(kept.latency_ms),
        throughput=kept.throughput,
        dispatch_ms=kept.dispatch_ms,
        transfer=transfer,
        cold=Cold(load_s=load_s, first_ms=measured.first_ms, import_s=import_s),
        warmup=WarmUp(n=measured.warmup_ms.size, s=measured.warmup_s, steady=measured.steady),
        converged=measured.converged,
        memory=taken,
        outputs=_compared(spec, outputs, batch_size),
        drift=measured.drift,
        disturbed=[
            Disturbed(
                why=attempt.why_disturbed or "",
                latency_ms=summarize(attempt.latency_ms),
                telemetry=attempt.telemetry,
                samples=_name_of_disturbed(number),
            )
            for number, attempt in enumerate(measured.disturbed, 1)
        ],
        telemetry=kept.telemetry,
        samples=str(samples),
        samples_digest=_write_samples(samples, measured),
    )


def _compared(spec: Spec, outputs: list[np.ndarray], batch_size: int) -> TimedOutputs:
    """Compare the timed outputs with the reference's on the same inputs.

    A batch larger than the number of check inputs repeats them, and the repeated rows are left out. The reference is
    read here and not earlier, so that it is not part of the memory that was measured.
    """
    reference = spec.reference_outputs()
    rows = min(batch_size, len(reference[0]))
    found = compare([array[:rows] if array.ndim else array for array in outputs], [array[:rows] for array in reference])
    return TimedOutputs(relative_l2=found.relative_l2, wrong=found.wrong)


def _name_of_disturbed(number: int) -> str:
    return f"disturbed{number}_ms"


def _write_samples(path: Path, measured: Measurement) -> str:
    """Write the raw samples and return their SHA-256."""
    import numpy as np

    arrays: dict[str, np.ndarray] = {
        "warmup_ms": measured.warmup_ms,
        "latency_ms": measured.kept.latency_ms,
        "closing_ms": measured.kept.closing_ms,
    }
    for number, attempt in enumerate(measured.disturbed, 1):
        arrays[_name_of_disturbed(number)] = attempt.latency_ms
    if measured.device_ms is not None:
        arrays["device_ms"] = measured.device_ms
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_bytes(path, buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()
