"""TorchScript: the traced or scripted module, frozen and run by PyTorch's interpreter without Python code."""

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


class TorchscriptOptions(TorchOptions):
    """TorchScript, captured by tracing or by scripting."""

    kind: Literal["torchscript"] = "torchscript"
    capture: Literal["trace", "script"] = "trace"
    """`trace` records the operators of one run; `script` compiles the Python code, control flow included."""
    freeze: bool = True
    """Fold weights and batch normalization into the graph (torch.jit.freeze)."""


class Torchscript(Backend):
    """Runs a TorchScript module."""

    kind = "torchscript"
    summary = "the traced or scripted module, frozen, run by PyTorch's own interpreter without Python"
    rank = 20
    Options = TorchscriptOptions
    options: TorchscriptOptions

    def export_key(self, precision: Precision) -> ExportKey:
        """A TorchScript export with weights in the target's dtype."""
        return ExportKey(f"torchscript-{self.options.capture}", precision if precision in ("fp16", "bf16") else "fp32")

    def distributions(self) -> tuple[str, ...]:
        """See Backend.distributions."""
        return ("torch",)

    def cannot_build(self, cell: Cell) -> str | None:
        """See Backend.cannot_build."""
        return torch_precision_refusal(cell)

    def import_library(self) -> None:
        """See Backend.import_library."""
        import torch  # noqa: F401

    def build(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        """See Backend.build."""
        import torch

        configure_torch(spec)
        source = export / "model.ts"
        try:
            module = torch.jit.load(str(source), map_location=spec.device).eval()
            if self.options.channels_last:
                module = module.to(memory_format=torch.channels_last)
            if self.options.freeze:
                module = torch.jit.freeze(module)
            torch.jit.save(module, str(out / "engine.ts"))
        except RuntimeError as error:
            raise BuildError(f"torch.jit could not freeze {source}: {_last_line(error)}") from error
        dtypes = _graph_dtypes(module)
        wanted = str(torch_dtype(spec.precision)).removeprefix("torch.")
        return Built(
            files=["engine.ts"],
            layer_dtypes=dtypes,
            holds_precision=set(dtypes) == {wanted} if dtypes else None,
        )

    def load(self, folder: Path, files: list[str], spec: EngineSpec, batch_size: int) -> Session:
        """See Backend.load."""
        import torch

        configure_torch(spec)
        try:
            module = torch.jit.load(str(folder / files[0]), map_location=spec.device)
        except RuntimeError as error:
            raise EngineError(f"torch.jit could not load {folder / files[0]}: {_last_line(error)}") from error
        return TorchSession(module, spec, self.options.channels_last)


# Operators whose weights say in which dtype a layer computes.
_COMPUTE = ("aten::_convolution", "aten::conv1d", "aten::conv2d", "aten::conv3d", "aten::linear", "aten::addmm",
            "aten::matmul", "aten::bmm", "aten::embedding", "aten::batch_norm", "aten::layer_norm")  # fmt: skip


def _graph_dtypes(module: Any) -> dict[str, int]:
    """Layers by the dtype of their floating weights: constants of a frozen graph, parameters of another."""
    counts: dict[str, int] = {}
    for node in module.inlined_graph.nodes():
        if node.kind() not in _COMPUTE:
            continue
        for value in node.inputs():
            if value.node().kind() == "prim::Constant" and value.type().kind() == "TensorType":
                dtype = value.node().t("value").dtype
                if dtype.is_floating_point:
                    name = str(dtype).removeprefix("torch.")
                    counts[name] = counts.get(name, 0) + 1
                    break
    if not counts:
        for parameter in module.parameters():
            if parameter.is_floating_point():
                name = str(parameter.dtype).removeprefix("torch.")
                counts[name] = counts.get(name, 0) + 1
    return counts


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
