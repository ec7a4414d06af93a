"""Eager PyTorch: the model's own Python code, nothing exported. The usual baseline."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

from bakeoff.backends.base import Backend, Built, EngineSpec, ExportKey, Request, Session
from bakeoff.backends.options import cuda_graph_refusal
from bakeoff.backends.shared.torch_session import (
    TorchOptions,
    TorchSession,
    configure_torch,
    import_torch_profiler,
    torch_dtype,
    torch_precision_refusal,
)
from bakeoff.core.errors import EngineError, ModelError
from bakeoff.core.precision import Precision
from bakeoff.models.sources import source_class, source_distributions


class EagerOptions(TorchOptions):
    """Eager PyTorch: the model as it is, called under torch.inference_mode()."""

    kind: Literal["eager"] = "eager"


class Eager(Backend):
    """Runs the model's own Python code; its engine is the state dict and where the code comes from."""

    kind = "eager"
    summary = "PyTorch as you write it: the model's own Python code, operator by operator"
    rank = 10
    Options = EagerOptions
    options: EagerOptions

    def export_key(self, precision: Precision) -> ExportKey:
        """Nothing is exported: the engine is made from the reference."""
        return ExportKey("eager", "fp32")

    def distributions(self) -> tuple[str, ...]:
        """See Backend.distributions."""
        return ("torch", *source_distributions())

    def running_options(self, device: str) -> frozenset[str]:
        """See Backend.running_options."""
        return frozenset({"cuda_graph"})

    def cannot_build(self, request: Request) -> str | None:
        """See Backend.cannot_build."""
        source = source_class(request.source)
        if not source.has_python_code:
            return f"{source.noun} holds no Python code to run eagerly; use kind torchscript as its baseline"
        return cuda_graph_refusal(self.options, request.device) or torch_precision_refusal(request)

    def import_library(self) -> None:
        """See Backend.import_library."""
        import torch  # noqa: F401

    def import_profiler(self) -> None:
        """See Backend.import_profiler."""
        import_torch_profiler()

    def build(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        """See Backend.build; `export` is the reference's folder."""
        from bakeoff.models.load import stored_model

        shutil.copyfile(stored_model(export), out / "engine.pt")
        shutil.copyfile(export / "model.json", out / "model.json")
        return Built(files=["engine.pt", "model.json"])

    def inspect(self, folder: Path, built: Built, spec: EngineSpec) -> None:
        """See Backend.inspect: dtypes as seen in one inference, casts inside the model's code included."""
        from bakeoff.backends.shared.torch_dtypes import record_executed_dtypes

        record_executed_dtypes(built, self._module(folder, spec), spec, self.options.channels_last)

    def load(self, folder: Path, files: list[str], spec: EngineSpec, batch_size: int) -> Session:
        """See Backend.load."""
        try:
            module = self._module(folder, spec)
        except ModelError as error:
            raise EngineError(str(error)) from error
        return TorchSession(module, spec, self.options.channels_last, self.options.cuda_graph)

    def _module(self, folder: Path, spec: EngineSpec) -> object:
        import torch

        from bakeoff.models.load import load_model

        configure_torch(spec)
        module = load_model(folder / "model.json", folder / "engine.pt")
        module = module.to(device=spec.device, dtype=torch_dtype(spec.precision))
        if self.options.channels_last:
            module = module.to(memory_format=torch.channels_last)
        return module
