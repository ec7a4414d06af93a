"""TorchScript by tracing: the operators of one run."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.core.errors import ExportError
from bakeoff.core.quoting import essential_line
from bakeoff.exports.base import EXAMPLE_BATCH, Exported, ExportTask
from bakeoff.models.outputs import flat_module, flatten

if TYPE_CHECKING:
    import torch

FILE = "model.ts"


def export(module: torch.nn.Module, task: ExportTask, out: Path) -> Exported:
    """Trace and save. A ScriptModule is saved as it is: tracing it would only inline the same graph."""
    import torch

    notes = []
    start = time.perf_counter()
    if isinstance(module, torch.jit.ScriptModule):
        traced = module
        notes.append("the TorchScript file as it was given, not traced again")
    else:
        if not task.plain_outputs:
            module = flat_module(module)
            notes.append("outputs flattened into a tuple: TorchScript knows no such container")
        traced = _traced(module, task)
    torch.jit.save(traced, str(out / FILE))
    export_s = time.perf_counter() - start
    if task.dynamic:
        _check_other_batch(traced, task)
    return Exported([FILE], export_s, notes)


def _traced(module: torch.nn.Module, task: ExportTask) -> torch.nn.Module:
    """The trace of one run, of a few inputs where that serves the batch size asked for.

    A trace holds the same operators whatever the batch size of its run, and a CPU that has to emulate fp16 takes
    minutes to run 128 images. So it is made with a few inputs, and with all of them only where the first trace answers
    otherwise than the module itself.
    """
    size = len(task.inputs[0])
    if not task.dynamic and size > EXAMPLE_BATCH + 1:
        with suppress(Exception):  # the module takes its own batch size only
            traced = _trace(module, tuple(tensor[:EXAMPLE_BATCH] for tensor in task.inputs))
            if _agree(module, traced, [tensor[: EXAMPLE_BATCH + 1] for tensor in task.inputs]):
                return traced
    return _trace(module, task.inputs)


def _trace(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> torch.nn.Module:
    import torch

    with torch.no_grad():
        # strict=False allows outputs in lists and dicts
        traced: torch.nn.Module = torch.jit.trace(module, inputs, strict=False, check_trace=False)
    return traced


def _agree(module: torch.nn.Module, traced: torch.nn.Module, inputs: list[torch.Tensor]) -> bool:
    """Whether a trace answers a batch of another size than its own as the module does, up to rounding."""
    import torch

    with torch.no_grad():
        pairs = list(zip(flatten(module(*inputs)), flatten(traced(*inputs)), strict=True))
    return all(
        wanted.shape == got.shape
        and torch.allclose(wanted.double(), got.double(), rtol=1e-2, atol=1e-2 * float(wanted.double().abs().mean()))
        for (_, wanted), (_, got) in pairs
    )


def _check_other_batch(traced: torch.nn.Module, task: ExportTask) -> None:
    """Raise ExportError where the trace holds the example's batch size as a constant."""
    import torch

    size = len(task.inputs[0]) + 1
    inputs = [tensor[torch.arange(size) % len(tensor)] for tensor in task.inputs]
    try:
        with torch.inference_mode():
            shapes = [list(tensor.shape) for _, tensor in flatten(traced(*inputs))]
    except RuntimeError as error:
        raise ExportError(
            f"the trace fails at batch {size}, as it holds the batch size it was made with: {essential_line(error)}"
        ) from error
    wrong = [shape for shape in shapes if shape[:1] != [size]]
    if wrong:
        raise ExportError(
            f"the trace returns an output of shape {wrong[0]} for a batch of {size}: "
            "it holds the batch size it was made with"
        )
