"""torch2trt: converts the eager model call by call into one TensorRT engine (TensorRT 10 or older)."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bakeoff.backends.base import Backend, Built, EngineSpec, ExportKey, Request, Session
from bakeoff.backends.options import CudaGraphOptions
from bakeoff.backends.shared.torch_session import (
    TorchSession,
    configure_torch,
    import_torch_profiler,
    torch_dtype,
    torch_precision_refusal,
)
from bakeoff.backends.tensorrt.library import distribution_of
from bakeoff.core.distributions import version_of
from bakeoff.core.errors import BuildError, EngineError
from bakeoff.core.precision import Precision
from bakeoff.core.quoting import essential_line
from bakeoff.models.sources import source_class, source_distributions

if TYPE_CHECKING:
    import torch

ENGINE = "engine.pth"

NEWEST_TENSORRT = 10

_INPUT_DTYPES = ("float32", "bool")
"""Types of inputs that torch2trt takes; it drops others without a word."""


class Torch2TrtOptions(CudaGraphOptions):
    """torch2trt: one TensorRT engine by its own converters of PyTorch calls."""

    kind: Literal["torch2trt"] = "torch2trt"


class Torch2Trt(Backend):
    """Converts with torch2trt and runs its TRTModule inside PyTorch."""

    kind = "torch2trt"
    summary = "torch2trt: one TensorRT engine by converters of PyTorch calls (TensorRT 10 or older)"
    rank = 80
    Options = Torch2TrtOptions
    options: Torch2TrtOptions

    def export_key(self, precision: Precision) -> ExportKey:
        """Nothing is exported: it converts the reference's own Python code."""
        return ExportKey("eager", "fp32")

    def distributions(self) -> tuple[str, ...]:
        """See Backend.distributions."""
        return ("torch", "torch2trt", distribution_of("tensorrt"), *source_distributions())

    def running_options(self, device: str) -> frozenset[str]:
        """See Backend.running_options."""
        return frozenset({"cuda_graph"})

    def cannot_build(self, request: Request) -> str | None:
        """See Backend.cannot_build."""
        source = source_class(request.source)
        if not source.has_python_code:
            return f"{source.noun} holds no Python code, and torch2trt converts the calls that Python code makes"
        if request.precision in ("bf16", "int8", "fp8"):
            return f"torch2trt knows fp32, TF32 and fp16; {request.precision} is none of them"
        if request.device == "cpu":
            return "needs an NVIDIA GPU"
        refusal = torch_precision_refusal(request)
        if refusal:
            return refusal
        if not request.machine.has_module("torch2trt"):
            return "torch2trt is not installed; its repository (NVIDIA-AI-IOT/torch2trt) says how to install it"
        if not request.machine.has_module("tensorrt"):
            return f"torch2trt needs TensorRT {NEWEST_TENSORRT} or older, and none is installed"
        version = version_of(distribution_of("tensorrt"))
        if version and int(version.partition(".")[0]) > NEWEST_TENSORRT:
            return f"torch2trt needs TensorRT {NEWEST_TENSORRT} or older, {version} is installed"
        return None

    def times_kernels(self, device: str) -> bool:
        """See Backend.times_kernels."""
        return True

    def import_library(self) -> None:
        """See Backend.import_library. Raises BuildError where the library does not import."""
        _library()

    def import_profiler(self) -> None:
        """See Backend.import_profiler."""
        import_torch_profiler()

    def build(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        """See Backend.build; `export` is the reference's folder."""
        import torch

        from bakeoff.backends.shared.torch_dtypes import example_batch
        from bakeoff.models.load import load_model, stored_model

        _check_inputs(spec)
        # TF32 is on in TensorRT unless told otherwise, and torch2trt hands no such setting through
        if spec.precision != "tf32":
            os.environ["NVIDIA_TF32_OVERRIDE"] = "0"
        library = _library()
        configure_torch(spec)
        module = load_model(export / "model.json", stored_model(export))
        module = module.to(device=spec.device, dtype=torch_dtype(spec.precision)).eval()
        low, middle, high = (_shapes(spec, size) for size in (spec.batch_min, spec.batch_opt, spec.batch_max))
        try:
            with torch.no_grad(), self.timing_kernels(spec):
                converted = library.torch2trt(
                    module,
                    example_batch(spec, spec.batch_opt),
                    fp16_mode=spec.precision == "fp16",
                    min_shapes=low,
                    opt_shapes=middle,
                    max_shapes=high,
                )
        except Exception as error:
            raise BuildError(f"torch2trt could not convert {export}: {essential_line(error)}") from error
        if converted.engine is None:
            raise BuildError(f"TensorRT could not build the network that torch2trt made of {export}; see the log")
        torch.save(converted.state_dict(), out / ENGINE)
        notes = ["TensorRT chooses the types of layers itself in torch2trt's networks, so the engine cannot say its "
                 "precision"]  # fmt: skip
        return Built(files=[ENGINE], notes=notes)

    def load(self, folder: Path, files: list[str], spec: EngineSpec, batch_size: int) -> Session:
        """See Backend.load."""
        spec.check_batch(batch_size)
        library = _library()
        configure_torch(spec)
        return TorchSession(_module(library, folder / files[0]), spec, cuda_graph=self.options.cuda_graph)


def _library() -> Any:
    """The imported library, which fails in many ways where TensorRT is too new for it."""
    try:
        return importlib.import_module("torch2trt")
    except Exception as error:
        raise BuildError(f"torch2trt is installed but does not import: {essential_line(error)}") from error


def _check_inputs(spec: EngineSpec) -> None:
    for info in spec.inputs:
        if info.dtype not in _INPUT_DTYPES:
            raise BuildError(f"torch2trt takes {' and '.join(_INPUT_DTYPES)} inputs; {info.name!r} is {info.dtype}")


def _shapes(spec: EngineSpec, batch_size: int) -> list[tuple[int, ...]]:
    return [(batch_size, *info.shape) for info in spec.inputs]


def _module(library: Any, file: Path) -> torch.nn.Module:
    """The TRTModule of a saved engine. Raises EngineError."""
    import torch

    try:
        module: torch.nn.Module = library.TRTModule()
        module.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    except Exception as error:
        raise EngineError(f"torch2trt could not load {file}: {essential_line(error)}") from error
    if getattr(module, "engine", None) is None:
        raise EngineError(f"TensorRT could not load the engine in {file}; see the log")
    return module
