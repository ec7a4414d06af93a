"""The job that builds one engine."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bakeoff.artifacts.accuracy import ReferenceRecord
from bakeoff.artifacts.build import BuildRecord, CalibrationRecord, CalibrationUse, ExportRecord
from bakeoff.artifacts.io import TEMPORARY, check_digests, digests, read_record
from bakeoff.artifacts.stages import stage_of
from bakeoff.core.distributions import versions_of
from bakeoff.core.errors import BuildError
from bakeoff.core.job_messages import under_way
from bakeoff.devices.kernel_timing_turns import KernelTimingTurns
from bakeoff.exports.tracer_warnings import KEEPS
from bakeoff.jobs.engine_job import EngineJob

_PREFIX = ".build-"


class Spec(EngineJob):
    """What to build, and from which export."""

    export: str | None
    """Folder of the export; None where nothing is exported, and the engine is made from the reference."""
    calibration: str | None = None
    """Folder of the calibration set; None for an engine that is not quantized."""
    elsewhere: str | None = None
    """Folder of the same engine where another machine built it, to be copied; None to build."""


def run(spec_json: dict[str, Any]) -> BuildRecord:
    """Build the engine, in a folder of its own that replaces the earlier engine's files when it is whole.

    Raises BakeoffError where the export or the calibration set is not as it was made, BuildError where the backend
    refuses it.
    """
    spec = Spec.model_validate(spec_json)
    turns = KernelTimingTurns()
    backend, engine_spec = spec.make_backend(), replace(spec.engine_spec(), kernel_timing_turn=turns)
    source, export = _source(spec)
    calibrated = _calibration(spec)
    if spec.calibration:
        engine_spec = replace(engine_spec, calibration=Path(spec.calibration))
    folder = Path(spec.engine)
    folder.mkdir(parents=True, exist_ok=True)
    _remove_earlier(folder)
    with under_way("import"):
        backend.import_library()
        if calibrated:
            backend.import_quantizer()
    new = Path(tempfile.mkdtemp(dir=folder, prefix=_PREFIX, suffix=TEMPORARY[1]))
    try:
        with under_way("build"):
            started = time.perf_counter()
            if spec.elsewhere:
                built = backend.adopt(Path(spec.elsewhere), source, engine_spec, new)
            else:
                built = backend.build(source, engine_spec, new)
            taken_s = time.perf_counter() - started - turns.waited_s
            build_s = taken_s if built.build_s is None else built.build_s
            backend.inspect(new, built, engine_spec)
        for name in built.files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).replace(folder / name)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    files = digests(folder, built.files)
    distributions = backend.distributions() + (backend.quantizer_distributions() if calibrated else ())
    return BuildRecord(
        target=spec.target,
        status="ok",
        build_s=build_s,
        warm_build_s=built.warm_build_s,
        export_s=export.export_s if export else None,
        engine_bytes=sum(file.bytes for file in files.values()),
        files=files,
        batch=spec.batch,
        layer_dtypes=built.layer_dtypes,
        holds_precision=built.holds_precision,
        calibration=_use(calibrated, built.calibration_method) if calibrated else None,
        fallback=built.fallback,
        partition=built.partition,
        notes=built.notes + [note for note in (export.notes if export else []) if note.startswith(KEEPS)],
        library=versions_of(distributions),
        options=spec.backend,
        device=spec.device,
    )


def _source(spec: Spec) -> tuple[Path, ExportRecord | None]:
    """The folder to build from, its files checked, and the record of the export where it is one."""
    if spec.export is None:
        folder = Path(spec.reference)
        check_digests(folder, read_record(folder / "reference.json", ReferenceRecord).files)
        return folder, None
    folder = Path(spec.export)
    record = read_record(folder / "export.json", ExportRecord)
    if not record.ok:
        raise BuildError(f"there is nothing to build from: the export in {folder} failed ({record.reason})")
    check_digests(folder, record.files)
    return folder, record


def _calibration(spec: Spec) -> CalibrationRecord | None:
    """The record of the calibration set, its files checked."""
    if spec.calibration is None:
        return None
    record = read_record(Path(spec.calibration) / "calibration.json", CalibrationRecord)
    if not record.ok:
        raise BuildError(f"there is nothing to calibrate with: {record.reason}")
    check_digests(spec.calibration, record.files)
    return record


def _use(record: CalibrationRecord, method: str | None) -> CalibrationUse:
    if method is None or record.sha256 is None or record.n_inputs is None or record.source is None:
        raise BuildError("the backend did not use the calibration set that it was given")
    return CalibrationUse(sha256=record.sha256, n_inputs=record.n_inputs, source=record.source, method=method)


def _remove_earlier(folder: Path) -> None:
    """Remove what earlier builds left, so that a failed build leaves no engine; sub-folders are other targets'.

    An engine of fixed batch size shares its folder with its target, whose records and trace stay.
    """
    for path in folder.iterdir():
        if path.is_dir() and path.name.startswith(_PREFIX):
            shutil.rmtree(path)
        elif path.is_file() and not _is_of_target(path.name) and not path.name.startswith("."):
            path.unlink()


def _is_of_target(name: str) -> bool:
    return name == "trace.json" or stage_of(name) not in (None, "build")
