"""What every exporter is told, and what it leaves behind."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ExportTask:
    """One export, apart from the module itself."""

    inputs: tuple[torch.Tensor, ...]
    """An example batch, in the order of forward(), in the export's precision."""
    input_names: list[str]
    output_names: list[str]
    """Names of the flat outputs."""
    batch_max: int | None
    """Largest batch size of a dynamic batch dimension; None for a fixed batch size, that of `inputs`."""
    plain_outputs: bool
    """Whether forward() returns a tensor or a tuple, list or dict of tensors, which every exporter understands."""
    has_python_code: bool
    """Whether the module is Python code; it is a ScriptModule otherwise."""

    @property
    def dynamic(self) -> bool:
        """Whether the batch dimension is dynamic."""
        return self.batch_max is not None


@dataclass
class Exported:
    """What an exporter left behind."""

    files: list[str]
    """Names of the files in the output folder, the one to load first."""
    export_s: float
    """Seconds the exporter took."""
    notes: list[str] = field(default_factory=list)


Exporter = Callable[["torch.nn.Module", ExportTask, Path], Exported]
"""Writes a module (eval mode, on the CPU, weights in the export's precision) into an empty folder.

Whatever it raises is told to the user as an ExportError.
"""

EXAMPLE_BATCH = 2
"""Batch size of the example from which a dynamic export is made. It must be 2 at least, since torch.export takes the
sizes 0 and 1 for constants. So many inputs also suffice where a model is run only to see its structure or operators."""
BATCH = "batch"
"""Name of the dynamic batch dimension in every format."""


def dynamic_shapes(module: torch.nn.Module, task: ExportTask) -> Any:
    """The `dynamic_shapes` of torch.export: the first dimension of every input is one batch; None for a fixed one."""
    import torch

    if task.batch_max is None:
        return None
    # torch.export refuses a dynamic dimension that can have one size only
    batch = torch.export.Dim(BATCH, min=1, max=max(task.batch_max, 2))
    shapes = tuple({0: batch} for _ in task.inputs)
    kinds = [parameter.kind for parameter in inspect.signature(module.forward).parameters.values()]
    named = sum(kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds)
    if inspect.Parameter.VAR_POSITIONAL in kinds and named < len(shapes):
        # torch.export wants the shapes in the structure of the signature, where all that *args takes is one tuple
        return (*shapes[:named], shapes[named:])
    return shapes
