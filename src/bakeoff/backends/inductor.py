"""AOTInductor: PyTorch's compiler, ahead of time, into a package that loads without compiling again."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from bakeoff.backends.base import Backend, Built, Cell, EngineSpec, ExportKey, Session
from bakeoff.backends.torch_session import (
    TorchOptions,
    TorchSession,
    configure_torch,
    torch_dtype,
    torch_precision_refusal,
)
from bakeoff.errors import BuildError, EngineError
from bakeoff.precision import Precision


class InductorOptions(TorchOptions):
    """AOTInductor, from an ExportedProgram to a .pt2 package."""

    kind: Literal["inductor"] = "inductor"
    max_autotune: bool = False
    """Try several implementations of matrix products and convolutions at build time and keep the fastest."""


class Inductor(Backend):
    """Runs a package compiled ahead of time."""

    kind = "inductor"
    summary = "torch.export and AOTInductor: compiled ahead of time, loaded without compiling again"
    rank = 30
    Options = InductorOptions
    options: InductorOptions

    def export_key(self, precision: Precision) -> ExportKey:
        """An ExportedProgram with weights in the target's dtype."""
        return ExportKey("exported_program", precision if precision in ("fp16", "bf16") else "fp32")

    def distributions(self) -> tuple[str, ...]:
        """See Backend.distributions."""
        return ("torch", "triton")

    def cannot_build(self, cell: Cell) -> str | None:
        """See Backend.cannot_build."""
        if cell.source == "torchscript":
            return "a TorchScript file cannot be turned into an ExportedProgram"
        if cell.machine.compiler is None:
            return "needs a C++ compiler, and none was found: install g++ (or name one in CXX)"
        return torch_precision_refusal(cell)

    def import_library(self) -> None:
        """See Backend.import_library."""
        import torch._inductor  # noqa: F401

    def build(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        """See Backend.build."""
        import torch
        import torch._inductor

        configure_torch(spec)
        program = torch.export.load(str(export / "model.pt2"))
        dtypes = _graph_dtypes(program)
        config: dict[str, Any] = {"max_autotune": self.options.max_autotune}
        if self.options.channels_last:
            config["force_layout_optimization"] = True
        if spec.device == "cpu":
            # marks each compiled kernel for the profiler; costs nothing measurable while none is on
            config["cpp.enable_kernel_profile"] = True
        else:
            program = _moved(program, spec.device)
        package = out / "engine.pt2"
        try:
            torch._inductor.aoti_compile_and_package(program, package_path=str(package), inductor_configs=config)
        except Exception as error:
            raise BuildError(f"AOTInductor could not compile {export}: {_first_line(error)}") from error
        wanted = str(torch_dtype(spec.precision)).removeprefix("torch.")
        return Built(
            files=["engine.pt2"],
            layer_dtypes=dtypes,
            holds_precision=set(dtypes) == {wanted} if dtypes else None,
        )

    def load(self, folder: Path, files: list[str], spec: EngineSpec, batch_size: int) -> Session:
        """See Backend.load."""
        import torch._inductor

        configure_torch(spec)
        try:
            compiled = torch._inductor.aoti_load_package(str(folder / files[0]))
        except Exception as error:
            raise EngineError(f"AOTInductor could not load {folder / files[0]}: {_first_line(error)}") from error
        # the package takes inputs in the memory order of the export; with channels_last it converts them itself
        return TorchSession(compiled, spec)


_COMPUTE = ("convolution", "conv1d", "conv2d", "conv3d", "linear", "addmm", "mm", "bmm", "matmul",
            "scaled_dot_product_attention", "embedding")  # fmt: skip


def _graph_dtypes(program: Any) -> dict[str, int]:
    """Compute operators of the exported graph by the dtype of their result."""
    counts: dict[str, int] = {}
    for node in program.graph.nodes:
        if node.op != "call_function" or "val" not in node.meta:
            continue
        name = str(getattr(node.target, "_opname", node.target)).split(".")[0]
        value = node.meta["val"]
        if name in _COMPUTE and hasattr(value, "dtype") and value.dtype.is_floating_point:
            dtype = str(value.dtype).removeprefix("torch.")
            counts[dtype] = counts.get(dtype, 0) + 1
    return counts


def _moved(program: Any, device: str) -> Any:
    from torch.export.passes import move_to_device_pass

    return move_to_device_pass(program, device)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300] if lines else 'no message'}"
