"""TorchScript by scripting: the Python code compiled, control flow included."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.exports.base import Exported, ExportTask

if TYPE_CHECKING:
    import torch

FILE = "model.ts"


def export(module: torch.nn.Module, task: ExportTask, out: Path) -> Exported:
    """Compile and save; the result takes any batch size, whether one was asked for or not."""
    import torch

    start = time.perf_counter()
    given = not task.has_python_code
    torch.jit.save(module if given else torch.jit.script(module), str(out / FILE))
    export_s = time.perf_counter() - start
    return Exported([FILE], export_s, ["the TorchScript file as it was given, not scripted again"] if given else [])
