"""ExportedProgram: the ATen graph that torch.export captures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.exports.base import Exported, ExportTask, dynamic_shapes
from bakeoff.models.outputs import flat_module

if TYPE_CHECKING:
    import torch

FILE = "model.pt2"


def export(module: torch.nn.Module, task: ExportTask, out: Path) -> Exported:
    """Capture and save."""
    import torch

    notes = []
    if not task.plain_outputs:
        module = flat_module(module)
        notes.append("outputs flattened into a tuple: torch.export knows no such container")
    shapes = dynamic_shapes(module, task)
    # The first export of a process imports the compiler's modules; a tiny export before keeps that out of export_s.
    torch.export.export(torch.nn.Identity(), (torch.zeros(2, 1),))
    start = time.perf_counter()
    with torch.no_grad():
        program = torch.export.export(module, task.inputs, dynamic_shapes=shapes, strict=False)
    torch.export.save(program, out / FILE)
    return Exported([FILE], time.perf_counter() - start, notes)
