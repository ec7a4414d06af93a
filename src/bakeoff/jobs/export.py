"""Writes a model in an exchange format."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.artifacts.accuracy import ReferenceRecord
from bakeoff.artifacts.base import Part
from bakeoff.artifacts.build import ExportRecord
from bakeoff.artifacts.io import check_digests, digests, read_record
from bakeoff.core.cell import Cell
from bakeoff.core.distributions import versions_of
from bakeoff.core.errors import ExportError
from bakeoff.core.job_messages import under_way
from bakeoff.core.precision import Precision
from bakeoff.core.quoting import essential_line
from bakeoff.exports import FORMATS, cannot_export, exporter
from bakeoff.exports.base import EXAMPLE_BATCH, ExportTask
from bakeoff.exports.tracer_warnings import decisions_on_values
from bakeoff.models.arrays import load_arrays
from bakeoff.models.load import load_reference_model
from bakeoff.models.outputs import flatten, is_plain
from bakeoff.models.sources import source_class, source_distributions

if TYPE_CHECKING:
    import torch

_LIBRARIES = ("torch", *source_distributions(), "onnx", "onnxscript", "onnx-ir")


class Spec(Part):
    """One export."""

    target: Cell
    format: str
    """A name of `bakeoff.exports.FORMATS`."""
    precision: Precision
    """fp32, fp16 or bf16: of the weights and the floating inputs. tf32: fp32 ones, and a graph that allows TF32."""
    batch_size: int | None
    """Null for a dynamic batch dimension."""
    batch_max: int
    """Largest batch size of the study."""
    label: str
    model: dict[str, Any]
    """The model's config section as JSON."""
    reference: str
    """Folder of the model's reference."""
    out: str
    """The export's folder."""
    threads: int


def run(spec_json: dict[str, Any]) -> ExportRecord:
    """Write the export into its folder. Raises ExportError that quotes the exporter."""
    import torch

    spec = Spec.model_validate(spec_json)
    torch.set_num_threads(spec.threads)
    # A trace keeps, for each convolution, whether TF32 was allowed when it was made, and obeys that on every GPU.
    torch.backends.cudnn.allow_tf32 = spec.precision == "tf32"
    what = f"models.{spec.label} cannot be exported as {spec.format}"
    if spec.format not in FORMATS:
        raise ExportError(f"{what}: unknown format; known: {', '.join(FORMATS)}")
    refusal = cannot_export(spec.format, spec.model["source"])
    if refusal:
        raise ExportError(f"{what}: {refusal}")
    reference = Path(spec.reference)
    check_digests(reference, read_record(reference / "reference.json", ReferenceRecord).files)
    module = load_reference_model(reference, spec.model, spec.label)
    module, inputs = _in_precision(module, _example(reference, spec), spec.precision)
    try:
        output = _output(module, inputs)
    except Exception as error:
        raise ExportError(f"{what} in {spec.precision}: the model itself fails: {essential_line(error)}") from error
    task = ExportTask(
        inputs=inputs,
        input_names=list(load_arrays(reference / "inputs.npz")),
        output_names=[name for name, _ in flatten(output)],
        batch_max=spec.batch_max if spec.batch_size is None else None,
        plain_outputs=is_plain(output),
        has_python_code=source_class(spec.model["source"]).has_python_code,
    )
    out = _empty_folder(spec.out)
    decisions: list[str] = []
    try:
        with under_way("export"), decisions_on_values(decisions):
            exported = exporter(spec.format)(module, task, out)
    except Exception as error:
        _empty_folder(spec.out)
        # a scripted module takes any batch size as it is
        sized = task.dynamic and spec.format != "torchscript-script"
        remedy = "; with batch.dynamic: false it can be" if sized and _fixed_size_works(spec, module, task) else ""
        raise ExportError(f"{what}: {_told(error)}{remedy}") from error
    return ExportRecord(
        target=spec.target,
        status="ok",
        format=spec.format,
        export_s=exported.export_s,
        files=digests(out, exported.files),
        batch_size=spec.batch_size,
        library=versions_of(_LIBRARIES),
        notes=exported.notes + decisions,
    )


def _fixed_size_works(spec: Spec, module: torch.nn.Module, task: ExportTask) -> bool:
    """Whether the export succeeds with a fixed batch size, found by trying."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            exporter(spec.format)(module, replace(task, batch_max=None), Path(folder))
        except Exception:
            return False
    return True


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, ExportError) else essential_line(error)


def _example(reference: Path, spec: Spec) -> list[torch.Tensor]:
    import numpy as np
    import torch

    size = spec.batch_size or EXAMPLE_BATCH
    arrays = load_arrays(reference / "inputs.npz").values()
    return [torch.from_numpy(np.resize(array, (size, *array.shape[1:]))) for array in arrays]


def _in_precision(
    module: torch.nn.Module, inputs: list[torch.Tensor], precision: Precision
) -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    import torch

    if precision in ("fp32", "tf32"):
        return module, tuple(inputs)
    dtypes = {"fp16": torch.float16, "bf16": torch.bfloat16}
    if precision not in dtypes:
        raise ExportError(f"exports exist in fp32, {' and '.join(dtypes)}; {precision} is made from one by the backend")
    dtype = dtypes[precision]
    return module.to(dtype), tuple(t.to(dtype) if t.is_floating_point() else t for t in inputs)


def _output(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> Any:
    """What the model answers, for its structure: to few inputs where it takes them (see exports.torchscript_trace)."""
    import torch

    with torch.no_grad():
        if len(inputs[0]) > EXAMPLE_BATCH:
            with suppress(Exception):
                return module(*(tensor[:EXAMPLE_BATCH] for tensor in inputs))
        return module(*inputs)


def _empty_folder(path: str) -> Path:
    """The folder without what an earlier attempt left, its record apart."""
    out = Path(path)
    out.mkdir(parents=True, exist_ok=True)
    for entry in out.iterdir():
        if entry.suffix == ".json" or entry.name.startswith("."):
            continue
        # exports of fixed batch size lie in b<batch>/ beside those of a dynamic one
        if entry.is_dir() and entry.name.startswith("b") and entry.name[1:].isdigit():
            continue
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    return out
