"""An ExportedProgram made to fit one engine before it is compiled.

Compilers read three things from the program that the export, which many engines share, cannot know: the batch size
to tune for (they take that of the export's example), the range of the batch dimension, and the memory order of the
inputs. So the graph is captured once more, which takes a fraction of a second: it holds only ATen operators by now.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.backends.base import EngineSpec
from bakeoff.backends.shared.torch_dtypes import example_batch
from bakeoff.backends.shared.torch_session import in_memory_order
from bakeoff.core.errors import BuildError
from bakeoff.core.operator_libraries import with_operators
from bakeoff.core.quoting import essential_line

if TYPE_CHECKING:
    import torch


def fitted_program(
    file: Path,
    spec: EngineSpec,
    channels_last: bool = False,
    rewrite: Callable[[torch.fx.GraphModule], None] | None = None,
) -> torch.export.ExportedProgram:
    """The exported program on the engine's device, for the engine's batch sizes and in its memory order.

    Its example inputs are of the batch size to tune for; `rewrite` may change its graph of ATen operators. Raises
    BuildError where the program is fixed to another batch size, or where torch.export refuses it.
    """
    import torch

    from bakeoff.exports.base import ExportTask, dynamic_shapes

    try:
        program = with_operators(lambda: torch.export.load(str(file)))
    except Exception as error:
        raise BuildError(f"torch.export could not load {file}: {essential_line(error)}") from error
    _check_batch(program, spec, file)
    if spec.device != "cpu":
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(program, spec.device)
    module = program.module()
    _let_views_copy(module)
    if rewrite is not None:
        rewrite(module)
    if channels_last:
        module = module.to(memory_format=torch.channels_last)
    # torch.export takes a batch of 1 for a constant
    size = max(spec.batch_opt, 2) if spec.dynamic else spec.batch_opt
    examples = tuple(in_memory_order(example_batch(spec, size), channels_last))
    task = ExportTask(examples, [i.name for i in spec.inputs], [], spec.batch_max if spec.dynamic else None, True, True)
    try:
        with torch.no_grad():
            return torch.export.export(module, examples, dynamic_shapes=dynamic_shapes(module, task), strict=False)
    except Exception as error:
        raise BuildError(f"torch.export could not fit {file} to the engine: {essential_line(error)}") from error


def _let_views_copy(module: Any) -> None:
    """Have each view of the captured graph copy where it has to, as reshape does.

    The export ran on the CPU and in NCHW. Elsewhere operators answer in other memory orders (attention in fp32 on a
    GPU, convolutions in NHWC), of which no view with the shape that was captured need exist.
    """
    import torch

    for node in module.graph.nodes:
        if node.target is torch.ops.aten.view.default:
            node.target = torch.ops.aten.reshape.default
    module.recompile()


def _check_batch(program: torch.export.ExportedProgram, spec: EngineSpec, file: Path) -> None:
    names = program.graph_signature.user_inputs
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in names and node.meta["val"].ndim:
            size = node.meta["val"].shape[0]
            if isinstance(size, int):
                spec.check_fixed_batch(size, node.name, file)
