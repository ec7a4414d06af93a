"""TorchScript: the traced or scripted module, frozen and run by PyTorch's interpreter without Python code."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bakeoff.backends.base import Backend, Built, EngineSpec, ExportKey, Request, Session
from bakeoff.backends.options import cuda_graph_refusal
from bakeoff.backends.shared.torch_session import (
    TorchOptions,
    TorchSession,
    configure_torch,
    import_torch_profiler,
    torch_precision_refusal,
)
from bakeoff.core.errors import BuildError, EngineError
from bakeoff.core.operator_libraries import with_operators
from bakeoff.core.precision import Precision
from bakeoff.core.quoting import essential_line


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
        """A TorchScript export with weights in the target's dtype.

        A trace holds whether TF32 was allowed, so the one for tf32 is another than that for fp32.
        """
        own = ("fp16", "bf16", "tf32") if self.options.capture == "trace" else ("fp16", "bf16")
        return ExportKey(f"torchscript-{self.options.capture}", precision if precision in own else "fp32")

    def distributions(self) -> tuple[str, ...]:
        """See Backend.distributions."""
        return ("torch",)

    def running_options(self, device: str) -> frozenset[str]:
        """See Backend.running_options."""
        return frozenset({"cuda_graph"})

    def cannot_build(self, request: Request) -> str | None:
        """See Backend.cannot_build."""
        return cuda_graph_refusal(self.options, request.device) or torch_precision_refusal(request)

    def import_library(self) -> None:
        """See Backend.import_library."""
        import torch  # noqa: F401

    def import_profiler(self) -> None:
        """See Backend.import_profiler."""
        import_torch_profiler()

    def build(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        """See Backend.build."""
        import torch

        configure_torch(spec)
        source = export / "model.ts"
        try:
            module = with_operators(lambda: torch.jit.load(str(source), map_location=spec.device)).eval()
            if self.options.channels_last:
                module = module.to(memory_format=torch.channels_last)
            if self.options.freeze:
                module = torch.jit.freeze(module)
            torch.jit.save(module, str(out / "engine.ts"))
        except RuntimeError as error:
            raise BuildError(f"torch.jit could not freeze {source}: {essential_line(error)}") from error
        return Built(files=["engine.ts"])

    def inspect(self, folder: Path, built: Built, spec: EngineSpec) -> None:
        """See Backend.inspect: dtypes as seen in one inference."""
        import torch

        from bakeoff.backends.shared.torch_dtypes import record_executed_dtypes

        configure_torch(spec)
        module = with_operators(lambda: torch.jit.load(str(folder / built.files[0]), map_location=spec.device))
        record_executed_dtypes(built, module, spec, self.options.channels_last)

    def load(self, folder: Path, files: list[str], spec: EngineSpec, batch_size: int) -> Session:
        """See Backend.load."""
        import torch

        configure_torch(spec)
        try:
            module = with_operators(lambda: torch.jit.load(str(folder / files[0]), map_location=spec.device))
        except RuntimeError as error:
            raise EngineError(f"torch.jit could not load {folder / files[0]}: {essential_line(error)}") from error
        return TorchSession(module, spec, self.options.channels_last, self.options.cuda_graph)
