"""ONNX, by the exporter that is built on torch.export; for TorchScript files by the older one."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.core.errors import ExportError
from bakeoff.exports.base import BATCH, Exported, ExportTask, dynamic_shapes
from bakeoff.models.outputs import flat_module

if TYPE_CHECKING:
    import torch

FILE = "model.onnx"
DATA = "model.onnx.data"
ONE_FILE_BYTES = 1_900_000_000
"""Protocol buffers end at 2 GiB; a model with more weights than this keeps them in a file beside it."""
BF16_OPSET = 22
"""The first opset whose convolution and pooling take bfloat16."""


def export(module: torch.nn.Module, task: ExportTask, out: Path) -> Exported:
    """Write model.onnx, and model.onnx.data where the weights are too large for one file.

    There is no fallback from one exporter to the other: where the exporter fails, its reason is the error.
    """
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        return _from_torchscript(module, task, out)
    notes = []
    if not task.plain_outputs:
        module = flat_module(module)
        notes.append("outputs flattened")
    bf16 = any(t.dtype == torch.bfloat16 for t in module.state_dict().values())
    external = _weight_bytes(module) > ONE_FILE_BYTES
    shapes = dynamic_shapes(module, task)
    # The first export of a process imports the exporter's modules; a tiny export before keeps that out of export_s.
    torch.onnx.export(torch.nn.Identity(), (torch.zeros(2, 1),), dynamo=True, verbose=False)
    start = time.perf_counter()
    with torch.no_grad():
        program = torch.onnx.export(
            module,
            task.inputs,
            dynamo=True,
            input_names=task.input_names,
            output_names=task.output_names,
            dynamic_shapes=shapes,
            verbose=False,
            opset_version=BF16_OPSET if bf16 else None,
            optimize=not bf16,
        )
    if bf16:
        _fold_constants(program.model)
    _keep_names_apart(program.model.graph)
    program.save(str(out / FILE), external_data=external)
    export_s = time.perf_counter() - start
    graph = program.model.graph
    _check_interface(
        [(value.name, _first(value.shape)) for value in graph.inputs], [value.name for value in graph.outputs], task
    )
    notes.insert(0, f"opset {program.model.opset_imports.get('')}, torch.onnx.export (dynamo)")
    return Exported(_files(out), export_s, notes)


def _keep_names_apart(graph: Any) -> None:
    """Rename what is inside the graph and bears the name of an input or output, which are the user's to choose.

    The exporter names what is inside by operators and parameters, and does not look whether a name is taken.
    """
    own = {id(value) for value in (*graph.inputs, *graph.outputs)}
    taken = {value.name for value in (*graph.inputs, *graph.outputs)}
    inside = [value for node in graph.all_nodes() for value in node.outputs if id(value) not in own]
    inside += [value for value in graph.initializers.values() if id(value) not in own]
    known = taken | {value.name for value in inside}
    for value in inside:
        if value.name in taken:
            name = next(name for i in itertools.count() if (name := f"{value.name}_{i}") not in known)
            known.add(name)
            value.name = name


def _from_torchscript(module: torch.nn.Module, task: ExportTask, out: Path) -> Exported:
    """The exporter that reads TorchScript graphs; the newer one needs Python code."""
    import onnx
    import torch

    axes = {name: {0: BATCH} for name in (*task.input_names, *task.output_names)} if task.dynamic else None
    start = time.perf_counter()
    with torch.no_grad():
        torch.onnx.export(
            module,
            task.inputs,
            str(out / FILE),
            dynamo=False,
            input_names=task.input_names,
            output_names=task.output_names,
            dynamic_axes=axes,
        )
    export_s = time.perf_counter() - start
    model = onnx.load(str(out / FILE), load_external_data=False)
    inputs = []
    for value in model.graph.input:
        dimensions = value.type.tensor_type.shape.dim
        first = dimensions[0] if len(dimensions) else None
        inputs.append((value.name, first.dim_value if first is not None and not first.dim_param else None))
    _check_interface(inputs, [value.name for value in model.graph.output], task)
    opset = next(o.version for o in model.opset_import if not o.domain)
    note = f"opset {opset}, torch.onnx.export's TorchScript exporter (the newer one needs the model's Python code)"
    return Exported(_files(out), export_s, [note])


def _fold_constants(model: Any) -> None:
    """The exporter's own optimizations, except the fusion of BatchNorm into convolutions.

    That fusion makes the weights of a bfloat16 convolution float32 and leaves its input in bfloat16, which no checker
    and no parser accepts (seen with onnxscript 0.7.2).
    """
    from onnxscript import optimizer

    optimizer.fold_constants(model)
    optimizer.remove_unused_nodes(model)


def _check_interface(inputs: list[tuple[str, int | None]], outputs: list[str], task: ExportTask) -> None:
    """Raise ExportError where the graph's inputs or outputs are not the model's, or its batch dimension is a constant.

    Backends feed inputs by name and read outputs in order.
    """
    names = [name for name, _ in inputs]
    if names != task.input_names:
        raise ExportError(f"the ONNX graph has inputs {', '.join(names)}, the model {', '.join(task.input_names)}")
    if outputs != task.output_names:
        raise ExportError(f"the ONNX graph has outputs {', '.join(outputs)}, the model {', '.join(task.output_names)}")
    fixed = [name for name, size in inputs if size is not None]
    if task.dynamic and fixed:
        raise ExportError(f"the ONNX graph holds a fixed batch size for input {', '.join(fixed)}")


def _first(shape: Any) -> int | None:
    """Size of the batch dimension; None where it is symbolic."""
    return shape[0] if shape is not None and len(shape) and isinstance(shape[0], int) else None


def _files(out: Path) -> list[str]:
    # sub-folders hold other exports, those of a fixed batch size
    return [FILE, *sorted(path.name for path in out.iterdir() if path.is_file() and path.name != FILE)]


def _weight_bytes(module: torch.nn.Module) -> int:
    return sum(t.numel() * t.element_size() for t in module.state_dict().values())
