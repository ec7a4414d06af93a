"""TensorRT engines that were built elsewhere, for example by a CI machine without a GPU: checked, then copied.

Checked here is what the records tell: precision, batch sizes, options, input names, library, calibration set, and that
the files are as the build left them. Whether the plan runs on this GPU and with this version of the library turns out
when the library loads it. Equal hashes of the two exports prove that the engine is of the same model. Exporters of
different versions write different files for one model, so different hashes prove nothing: then the accuracy check
decides.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bakeoff.artifacts.build import BuildRecord, CalibrationRecord, ExportRecord
from bakeoff.artifacts.io import check_digests, read_record
from bakeoff.backends.base import Built, EngineSpec
from bakeoff.backends.options import BackendOptions
from bakeoff.backends.tensorrt import info as trt_info
from bakeoff.core.errors import BakeoffError, BuildError

RECORD = "build.json"


def export_digests(export: Path) -> dict[str, str]:
    """SHA-256 of the files of an export, by name, as its record has them; empty without a record."""
    if not (export / "export.json").exists():
        return {}
    return {name: file.sha256 for name, file in read_record(export / "export.json", ExportRecord).files.items()}


def adopt(
    folder: Path, export: Path, spec: EngineSpec, out: Path, library: str, options: BackendOptions, names: set[str]
) -> Built:
    """Copy the engine in `folder` to `out`.

    Args:
        folder: Where the engine lies with its build.json.
        export: The export that an engine would be built from here.
        spec: What is asked for.
        out: An empty folder.
        library: The library that is to run it.
        options: The backend's options here.
        names: The options that the engine depends on.

    Raises:
        BuildError: There is no such engine, or it is not the one that is asked for; the message says in what.
    """
    record = _record(folder)
    info = trt_info.read(folder)
    _check(record, info, folder, spec, library, options, names)
    files = [name for name in record.files if not name.endswith(".cache")]
    for name in files:
        shutil.copyfile(folder / name, out / name)
    return Built(
        files=files,
        layer_dtypes=record.layer_dtypes,
        holds_precision=record.holds_precision,
        notes=[_origin(record, info, folder), *_of_model(info, export)],
        build_s=record.build_s,
        calibration_method=record.calibration.method if record.calibration else None,
    )


def _record(folder: Path) -> BuildRecord:
    path = folder / RECORD
    if not path.exists():
        raise BuildError(
            f"{path} is missing: `engines` names the results folder of the study that built the engines elsewhere "
            "(results/<study>), with the same labels of models and backends"
        )
    record = read_record(path, BuildRecord)
    if not record.ok:
        raise BuildError(f"{path}: the build failed there ({record.reason})")
    try:
        check_digests(folder, record.files)
    except BakeoffError as error:
        raise BuildError(f"{error}, and copy the folder again") from error
    return record


def _check(
    record: BuildRecord,
    info: dict[str, Any],
    folder: Path,
    spec: EngineSpec,
    library: str,
    options: BackendOptions,
    names: set[str],
) -> None:
    """Raise BuildError for the first thing in which the engine is not the one that is asked for."""

    def same(what: str, there: Any, here: Any) -> None:
        if there != here:
            raise BuildError(f"{folder}: the engine was built with {what} {there}, this study asks for {here}")

    same("precision", record.target.precision, spec.precision)
    if record.batch is None:
        raise BuildError(f"{folder / RECORD} does not say for which batch sizes the engine was built")
    batch = (record.batch.min, record.batch.opt, record.batch.max)
    same("batch sizes (min, opt, max)", batch, (spec.batch_min, spec.batch_opt, spec.batch_max))
    same("library", next(iter(info.get("library", {})), None), library)
    same("inputs", info["inputs"], [i.name for i in spec.inputs])
    try:
        there = type(options).model_validate(record.options)
    except ValidationError as error:
        raise BuildError(f"{folder / RECORD}: its options are unknown to this version of Bakeoff: {error}") from error
    for name in sorted(names):
        same(f"{name}:", getattr(there, name), getattr(options, name))
    if spec.calibration is not None:
        calibration = read_record(spec.calibration / "calibration.json", CalibrationRecord)
        same("calibration set", record.calibration.sha256 if record.calibration else None, calibration.sha256)


def _origin(record: BuildRecord, info: dict[str, Any], folder: Path) -> str:
    library, version = next(iter(info["library"].items()))
    device = "a machine without a GPU" if record.device == "cpu" else record.device
    return (
        f"built elsewhere, by {library} {version} on {device} (study {record.target.study}), and copied from {folder}: "
        "build_s is that build's"
    )


def _of_model(info: dict[str, Any], export: Path) -> list[str]:
    """A note where the hashes of the exports do not prove that the engine is of this very model."""
    here, there = export_digests(export), info.get("export") or {}
    if here and here == there:
        return []
    return [
        "built from another ONNX file than this study's export (its hash differs): that it is the same model says "
        "the accuracy check alone"
    ]
