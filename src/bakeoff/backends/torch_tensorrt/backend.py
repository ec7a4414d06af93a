"""Torch-TensorRT: TensorRT engines inside a PyTorch graph; what TensorRT cannot run stays with PyTorch.

Written for Torch-TensorRT 2.9 and later; `torch-tensorrt` and `torch-tensorrt-rtx` are imported by the same name.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from bakeoff.backends.base import Backend, Built, EngineSpec, ExportKey, Request, Session
from bakeoff.backends.options import CudaGraphOptions
from bakeoff.backends.shared.torch_session import (
    TorchSession,
    configure_torch,
    import_torch_profiler,
    input_dtype,
    torch_dtype,
    torch_precision_refusal,
)
from bakeoff.backends.tensorrt.library import distribution_of
from bakeoff.core.distributions import version_of
from bakeoff.core.errors import BuildError, EngineError
from bakeoff.core.operator_libraries import with_operators
from bakeoff.core.precision import Precision
from bakeoff.core.quoting import essential_line
from bakeoff.models.sources import source_class

if TYPE_CHECKING:
    import torch

    from bakeoff.artifacts.build import Partition

EXPORTED = "engine.pt2"
TORCHSCRIPT = "engine.ts"


class TorchTensorRtOptions(CudaGraphOptions):
    """Torch-TensorRT: a graph whose parts are TensorRT engines."""

    kind: Literal["torch_tensorrt"] = "torch_tensorrt"
    frontend: Literal["dynamo", "torchscript-trace", "torchscript-script"] = "dynamo"
    """What captures the model: torch.export (`dynamo`), or TorchScript by tracing or scripting (deprecated)."""
    min_block_size: Annotated[int, Field(ge=1, le=1_000_000)] = 5
    """Fewest operators of an engine; shorter runs of operators that TensorRT could take stay with PyTorch."""
    optimization_level: Annotated[int, Field(ge=0, le=5)] | None = None
    """Effort of TensorRT's builder, 0 to 5; its own default (3) when left out. Only with frontend dynamo."""
    workspace_bytes: Annotated[int, Field(ge=1)] | None = None
    """Most device memory that one layer may use for scratch; TensorRT's own choice when left out."""

    @model_validator(mode="after")
    def _level_needs_dynamo(self) -> TorchTensorRtOptions:
        if self.optimization_level is not None and self.frontend != "dynamo":
            raise ValueError("optimization_level exists with frontend dynamo only; leave it out")
        return self


class TorchTensorRt(Backend):
    """Compiles with Torch-TensorRT and runs inside PyTorch."""

    kind = "torch_tensorrt"
    summary = "Torch-TensorRT: TensorRT engines inside a PyTorch graph"
    rank = 70
    Options = TorchTensorRtOptions
    options: TorchTensorRtOptions

    def __init__(self, options: TorchTensorRtOptions) -> None:
        super().__init__(options)
        self._latest: torch.export.ExportedProgram | None = None
        self._compiled_graph: Any = None

    def export_key(self, precision: Precision) -> ExportKey:
        """A half model for fp16 and bf16: networks are strongly typed, the graph's own types are the engine's."""
        format = "exported_program" if self._dynamo else self.options.frontend
        return ExportKey(format, precision if precision in ("fp16", "bf16") else "fp32")

    def distributions(self) -> tuple[str, ...]:
        """See Backend.distributions."""
        return ("torch", "torch-tensorrt", "torch-tensorrt-rtx", distribution_of("tensorrt"),
                distribution_of("tensorrt_rtx"))  # fmt: skip

    def running_options(self, device: str) -> frozenset[str]:
        """See Backend.running_options."""
        return frozenset({"cuda_graph"})

    def cannot_build(self, request: Request) -> str | None:
        """See Backend.cannot_build."""
        source = source_class(request.source)
        if self._dynamo and not source.has_python_code:
            return f"{source.noun} holds no Python code for torch.export; use frontend: torchscript-trace"
        if request.precision in ("int8", "fp8"):
            return f"Torch-TensorRT takes {request.precision} only from a model that was quantized before"
        if request.precision == "bf16" and not self._dynamo:
            return "Torch-TensorRT's TorchScript frontend knows no bf16; use frontend: dynamo"
        if request.device == "cpu":
            return "needs an NVIDIA GPU (torch_tensorrt does not even import without one)"
        refusal = torch_precision_refusal(request)
        if refusal:
            return refusal
        if not request.machine.has_module("torch_tensorrt"):
            return "Torch-TensorRT is not installed: pip install torch-tensorrt, or torch-tensorrt-rtx for TensorRT-RTX"
        return None

    def times_kernels(self, device: str) -> bool:
        """See Backend.times_kernels: TensorRT does, TensorRT-RTX does not."""
        return version_of("torch-tensorrt") is not None

    def import_library(self) -> None:
        """See Backend.import_library. Raises BuildError where the library does not import."""
        _library()

    def import_profiler(self) -> None:
        """See Backend.import_profiler."""
        import_torch_profiler()

    def build(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        """See Backend.build."""
        configure_torch(spec)
        compile = self._dynamo_engine if self._dynamo else self._torchscript_engine
        try:
            with self.timing_kernels(spec):
                return compile(export, spec, out)
        except BuildError:
            raise
        except Exception as error:
            words = f"Torch-TensorRT could not compile {export}: {essential_line(error)}"
            if self.options.workspace_bytes:  # with too little the builder answers None, which nobody expects
                words += f"; workspace_bytes ({self.options.workspace_bytes:,}) may be too little: leave it out"
            raise BuildError(words) from error

    def inspect(self, folder: Path, built: Built, spec: EngineSpec) -> None:
        """See Backend.inspect: its engines' dtypes, and by a dry run how the graph was cut (dynamo only)."""
        from bakeoff.backends.shared.torch_dtypes import products_in
        from bakeoff.backends.torch_tensorrt.engine_layers import engine_layers
        from bakeoff.backends.torch_tensorrt.graph_cut import engines_in, fallback_words, graph_cut_statistics
        from bakeoff.profiling.precision_held import record_dtypes

        if not self._dynamo:
            built.notes.append(
                "TensorRT chooses the types of layers itself with this frontend, so the engine cannot say its precision"
            )
            return
        program, self._latest = self._latest, None
        if program is None:
            raise BuildError("only an engine that was just built can be inspected")
        compiled, self._compiled_graph = self._compiled_graph, None
        record_dtypes(built, engine_layers(compiled), spec.precision, at_least=products_in(program))
        try:
            cut = self._compiled(program, spec, min_block_size=1, dryrun=True)
        except Exception as error:  # the engine itself is built and sound
            built.notes.append(f"no partition statistics, the dry run failed: {essential_line(error)}")
            return
        built.partition = graph_cut_statistics(cut, self.options.min_block_size)
        built.fallback = fallback_words(built.partition)
        _compare_engines(built, built.partition, engines_in(compiled))

    def load(self, folder: Path, files: list[str], spec: EngineSpec, batch_size: int) -> Session:
        """See Backend.load."""
        import torch

        spec.check_batch(batch_size)
        _library()  # registers the operator that runs engines
        configure_torch(spec)
        file = folder / files[0]
        try:
            load = torch.export.load if self._dynamo else torch.jit.load
            loaded = with_operators(lambda: load(str(file)))
            module = loaded.module() if self._dynamo else loaded
        except Exception as error:
            raise EngineError(f"Torch-TensorRT could not load {file}: {essential_line(error)}") from error
        return TorchSession(module, spec, cuda_graph=self.options.cuda_graph)

    @property
    def _dynamo(self) -> bool:
        return self.options.frontend == "dynamo"

    def _dynamo_engine(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        from bakeoff.backends.shared.exported import fitted_program

        library = _library()
        program = fitted_program(export / "model.pt2", spec)
        compiled = self._compiled(program, spec, min_block_size=self.options.min_block_size)
        library.save(compiled, str(out / EXPORTED), output_format="exported_program", **_saving(library, program, spec))
        self._latest, self._compiled_graph = program, compiled
        return Built(files=[EXPORTED])

    def _compiled(self, program: torch.export.ExportedProgram, spec: EngineSpec, **settings: Any) -> Any:
        """The compiled graph; with `dryrun` the graph only cut, its engines not built."""
        library = _library()
        known = inspect.signature(library.dynamo.compile).parameters
        if "use_explicit_typing" in known:  # later versions have no other typing, and no such setting
            settings["use_explicit_typing"] = True
        if self.options.optimization_level is not None:
            settings["optimization_level"] = self.options.optimization_level
        with tempfile.TemporaryDirectory() as scratch:
            if "timing_cache_path" in known:  # by default one file for all builds of this machine
                settings["timing_cache_path"] = str(Path(scratch) / "timing.cache")
            return library.dynamo.compile(
                program,
                arg_inputs=_inputs(library, spec),
                device=_device(library, spec),
                disable_tf32=spec.precision != "tf32",
                workspace_size=self.options.workspace_bytes or 0,
                **settings,
            )

    def _torchscript_engine(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        import torch

        from bakeoff.backends.torch_tensorrt.graph_cut import fallback_words, graph_cut_statistics_of_torchscript
        from bakeoff.backends.torch_tensorrt.unfolded_batch_norm import write_out_batch_norm

        library = _library()
        if not hasattr(library, "ts"):
            raise BuildError("this version of Torch-TensorRT has no TorchScript frontend; use frontend: dynamo")
        module = with_operators(lambda: torch.jit.load(str(export / "model.ts"), map_location=spec.device)).eval()
        module = torch.jit.freeze(module)
        written_out = write_out_batch_norm(module) if version_of("torch-tensorrt-rtx") else 0
        compiled = library.ts.compile(
            module,
            inputs=_inputs(library, spec),
            device=_device(library, spec),
            enabled_precisions={torch_dtype(spec.precision)},
            disable_tf32=spec.precision != "tf32",
            workspace_size=self.options.workspace_bytes or 0,
            min_block_size=self.options.min_block_size,
            truncate_long_and_double=True,
        )
        torch.jit.save(compiled, str(out / TORCHSCRIPT))
        partition = graph_cut_statistics_of_torchscript(_node_kinds(compiled.inlined_graph))
        built = Built(files=[TORCHSCRIPT], partition=partition, fallback=fallback_words(partition))
        if written_out:
            built.notes.append(f"batch normalizations given to TensorRT as a product and a sum: {written_out}")
        return built


def _library() -> Any:
    """The imported library, which raises all kinds of exceptions where its own libraries are missing."""
    try:
        import torch_tensorrt
    except Exception as error:
        raise BuildError(f"torch_tensorrt is installed but does not import: {essential_line(error)}") from error
    return torch_tensorrt


def _device(library: Any, spec: EngineSpec) -> Any:
    return library.Device(gpu_id=int(spec.device.partition(":")[2]))


def _inputs(library: Any, spec: EngineSpec) -> list[Any]:
    """Shapes and types of the inputs: an optimization profile for a dynamic batch dimension, else the fixed shape."""
    inputs = []
    for info in spec.inputs:
        low, middle, high = [(size, *info.shape) for size in (spec.batch_min, spec.batch_opt, spec.batch_max)]
        shapes = {"min_shape": low, "opt_shape": middle, "max_shape": high} if spec.dynamic else {"shape": low}
        inputs.append(library.Input(**shapes, dtype=input_dtype(info, spec.precision)))
    return inputs


def _saving(library: Any, program: torch.export.ExportedProgram, spec: EngineSpec) -> dict[str, Any]:
    """How to save: exported once more from the example inputs, with the dynamic batch dimension where there is one."""
    import torch

    examples = program.example_inputs[0] if program.example_inputs else ()
    if not spec.dynamic:
        return {"arg_inputs": list(examples), "retrace": True}
    if "dynamic_shapes" not in inspect.signature(library.save).parameters:  # 2.9: only the graph as it is stays dynamic
        return {"retrace": False}
    batch = torch.export.Dim("batch", min=spec.batch_min, max=spec.batch_max)
    return {"arg_inputs": list(examples), "retrace": True, "dynamic_shapes": tuple({0: batch} for _ in examples)}


def _compare_engines(built: Built, expected: Partition, engines: int) -> None:
    """Note where the built graph has another number of engines than its statistics say."""
    if engines != expected.engines:
        built.notes.append(
            f"the built graph has {engines} engines, a dry run gave {expected.engines}: partition is the dry run's"
        )


def _node_kinds(graph: Any) -> Iterator[str]:
    """Kinds of all nodes of a TorchScript graph, those inside branches and loops included."""
    for node in graph.nodes():
        yield node.kind()
        for block in node.blocks():
            yield from _node_kinds(block)
