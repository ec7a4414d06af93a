"""TensorRT: ONNX to an engine plan, through `tensorrt` or `tensorrt_rtx`.

Networks are strongly typed: every layer computes in the type that the exported graph gives it, and TF32 is
switched on or off explicitly, so a precision is never the library's choice.
"""

from __future__ import annotations

import importlib.util
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from bakeoff import trt_info
from bakeoff.backends.base import Backend, Built, Cell, EngineSpec, ExportKey, LayerTimes, Session
from bakeoff.backends.options import BackendOptions
from bakeoff.errors import BuildError, EngineError
from bakeoff.precision import Precision
from bakeoff.quantization.fp8 import no_fp8_hardware
from bakeoff.quantization.static_onnx import Method, Scheme, calibration_batches, import_tools, quantize_onnx
from bakeoff.trt_library import DISTRIBUTION, choose, deserialize, dtype_name, library, logger, missing

if TYPE_CHECKING:
    import numpy as np
    import torch

MODEL = "model.onnx"
PLAN = "engine.plan"

_WARM_UP_RUNS = 3


class TensorRtOptions(BackendOptions):
    """TensorRT: an engine built from the exported ONNX graph."""

    kind: Literal["tensorrt"] = "tensorrt"
    library: Literal["auto", "tensorrt", "tensorrt_rtx"] = "auto"
    """`tensorrt` (10 or later, builds on the GPU), `tensorrt_rtx` (builds without a GPU too), or `auto`:
    tensorrt on a GPU where it is installed, else tensorrt_rtx."""
    optimization_level: Annotated[int, Field(ge=0, le=5)] | None = None
    """Effort of the builder, 0 to 5; the library's own default (3) when left out."""
    workspace_bytes: Annotated[int, Field(ge=1)] | None = None
    """Most device memory that one layer may use for scratch; all of the device's when left out."""
    calibration: Method = "minmax"
    """int8: ranges of activations are the extremes seen (`minmax`), those that lose least information (`entropy`) or a
    quantile of magnitudes (`percentile`)."""
    percentile: Annotated[float, Field(ge=50, le=100)] = 99.99
    """int8: the quantile, in percent, of calibration `percentile`."""
    per_channel: bool = True
    """int8: a scale for each output channel of a weight, instead of one for the whole."""


class TensorRt(Backend):
    """Builds an engine plan, and on an NVIDIA GPU runs it in an execution context."""

    kind = "tensorrt"
    summary = "TensorRT: NVIDIA's engine, from ONNX (tensorrt or tensorrt_rtx)"
    rank = 60
    Options = TensorRtOptions
    quantization_options = frozenset({"calibration", "percentile", "per_channel"})
    options: TensorRtOptions

    def export_key(self, precision: Precision) -> ExportKey:
        """See Backend.export_key: the graph's own types are the engine's."""
        return ExportKey("onnx", precision if precision in ("fp16", "bf16") else "fp32")

    def distributions(self) -> tuple[str, ...]:
        """See Backend.distributions."""
        if self.options.library == "auto":
            return tuple(DISTRIBUTION.values())
        return (DISTRIBUTION[self.options.library],)

    def quantizer_distributions(self) -> tuple[str, ...]:
        """See Backend.quantizer_distributions."""
        return ("onnxruntime", "onnxruntime-gpu", "onnx")

    def cannot_build(self, cell: Cell) -> str | None:
        """See Backend.cannot_build."""
        gpu = cell.machine.gpu(cell.device)
        reason = missing(self.options.library, cell.device if gpu else "cpu")
        if reason:
            return reason
        if cell.precision == "fp8":
            return no_fp8_hardware(cell) or "post-training quantization to fp8 is not implemented yet in Bakeoff"
        if cell.precision == "int8" and importlib.util.find_spec("onnxruntime") is None:
            return "onnxruntime, whose tools write the quantized graph, is not installed: pip install onnxruntime"
        if cell.precision in ("tf32", "bf16") and gpu and gpu.compute_capability < (8, 0):
            return f"{cell.precision} needs compute capability 8.0 or later; {gpu.name} has less"
        return None

    def cannot_run(self, cell: Cell) -> str | None:
        """See Backend.cannot_run."""
        return None if cell.machine.gpu(cell.device) else "needs an NVIDIA GPU"

    def import_library(self) -> None:
        """See Backend.import_library."""
        for name in ("tensorrt", "tensorrt_rtx") if self.options.library == "auto" else (self.options.library,):
            if missing(name, "cuda:0") is None:
                library(name)

    def import_quantizer(self) -> None:
        """See Backend.import_quantizer."""
        import_tools()

    def build(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        """See Backend.build. int8: from a graph with explicit Q/DQ pairs, symmetric as TensorRT requires.

        Where the library takes no int8 convolutions and those are the smaller part of the network (a transformer's
        patch embedding), they are left in fp32, and a note says so.
        """
        if spec.precision != "int8":
            return self._build(export / MODEL, spec, out)
        options = self.options
        scheme = Scheme(options.calibration, options.percentile, options.per_channel, for_tensorrt=True)
        try:
            return self._build_quantized(export, spec, out, scheme)
        except _NoInt8Convolutions as refusal:
            if refusal.convolutions >= refusal.products:
                raise
            built = self._build_quantized(export, spec, out, replace(scheme, convolutions=False))
            built.notes.append(f"convolutions are left in fp32: {refusal.reason}")
            return built

    def _build_quantized(self, export: Path, spec: EngineSpec, out: Path, scheme: Scheme) -> Built:
        with tempfile.TemporaryDirectory(prefix="bakeoff-trt-") as scratch:
            quantized = Path(scratch) / MODEL
            data = calibration_batches(spec.calibration, export / MODEL, scheme)
            notes = quantize_onnx(export / MODEL, quantized, data, scheme)
            built = self._build(quantized, spec, out)
        built.calibration_method = scheme.words
        built.notes += notes
        return built

    def _build(self, source: Path, spec: EngineSpec, out: Path) -> Built:
        name = choose(self.options.library, spec.device)
        trt, log = library(name), logger(name)
        log.errors.clear()
        builder = trt.Builder(log)
        network = builder.create_network(_typed(trt))
        _parse(trt, network, log, source)
        config = builder.create_builder_config()
        if spec.precision == "tf32":
            config.set_flag(trt.BuilderFlag.TF32)
        else:
            config.clear_flag(trt.BuilderFlag.TF32)
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        if self.options.optimization_level is not None:
            config.builder_optimization_level = self.options.optimization_level
        if self.options.workspace_bytes is not None:
            config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, self.options.workspace_bytes)
        _set_batch(builder, config, network, spec, source)
        plan = builder.build_serialized_network(network, config)
        info = trt_info.from_network(network, name, trt.__version__)
        if plan is None:
            reason = f"{name} {trt.__version__} cannot build an engine: {' '.join(log.errors)}"
            quantized = [layer.type for layer in trt_info.layers(info) if layer.dtype == "int8"]
            convolutions = sum("CONVOLUTION" in kind for kind in quantized)
            if name == "tensorrt_rtx" and convolutions:
                raise _NoInt8Convolutions(reason, convolutions, quantized.count("MATRIX_MULTIPLY"))
            raise BuildError(reason)
        (out / PLAN).write_bytes(memoryview(plan))
        trt_info.write(out, info)
        return Built(files=[PLAN, trt_info.FILE])

    def inspect(self, folder: Path, built: Built, spec: EngineSpec) -> None:
        """See Backend.inspect: by the engine inspector where there is a GPU, else by the typed network."""
        from bakeoff.profiling.precision_held import record_dtypes

        info = trt_info.read(folder)
        network = trt_info.layers(info)
        if spec.device == "cpu":
            built.notes.append(
                f"{trt_info.FILE} lists the network's layers before fusion: the engine inspector needs an NVIDIA driver"
            )
        else:
            name = choose(self.options.library, spec.device)
            engine = deserialize(name, (folder / PLAN).read_bytes(), str(folder / PLAN))
            inspector = engine.create_engine_inspector()
            text = inspector.get_engine_information(library(name).LayerInformationFormat.JSON)
            trt_info.write(folder, trt_info.from_inspector(text, info))
        # Fused layers have types of their own (a whole network may be one), so the network's are what is counted.
        record_dtypes(built, [(layer.type, layer.dtype) for layer in network], spec.precision)

    def load(self, folder: Path, files: list[str], spec: EngineSpec, batch_size: int) -> Session:
        """See Backend.load."""
        plan = folder / files[0]
        if spec.device == "cpu":
            raise EngineError(f"{plan} needs an NVIDIA GPU")
        spec.check_batch(batch_size)
        return TensorRtSession(choose(self.options.library, spec.device), plan, spec)


class _NoInt8Convolutions(BuildError):
    """TensorRT for RTX 1.6 multiplies matrices in int8, but refuses int8 convolutions (its message says that their type
    must be a floating one).
    """

    def __init__(self, reason: str, convolutions: int, products: int) -> None:
        super().__init__(
            f"{reason} ({convolutions} convolutions of this network are quantized to int8; TensorRT for RTX takes int8 "
            "in matrix products only: build with library: tensorrt on an NVIDIA GPU, or leave int8 out of this "
            "backend's precisions)"
        )
        self.reason = reason
        self.convolutions = convolutions
        self.products = products


class TensorRtSession(Session):
    """An execution context on PyTorch's current stream, with PyTorch tensors as its buffers."""

    def __init__(self, name: str, plan: Path, spec: EngineSpec) -> None:
        import torch

        self._name = name
        self._device = torch.device(spec.device)
        torch.cuda.set_device(self._device)
        torch.cuda.current_stream(self._device)  # makes the context that the engine is loaded into
        info = trt_info.read(plan.parent)
        self._inputs: list[str] = info["inputs"]
        self._outputs: list[str] = info["outputs"]
        self._engine = deserialize(name, plan.read_bytes(), str(plan))
        self._context = self._new_context()
        self._buffers: dict[str, torch.Tensor] = {}

    def prepare(self, inputs: list[np.ndarray]) -> None:
        """See Session.prepare."""
        import torch

        if len(inputs) != len(self._inputs):
            raise EngineError(f"the engine takes {len(self._inputs)} inputs, {len(inputs)} were given")
        self._buffers = {
            name: torch.from_numpy(array).to(device=self._device, dtype=self._torch_dtype(name)).contiguous()
            for name, array in zip(self._inputs, inputs, strict=True)
        }
        self._bind(self._context)

    def run(self) -> Any:
        """See Session.run."""
        import torch

        if not self._context.execute_async_v3(torch.cuda.current_stream(self._device).cuda_stream):
            raise EngineError(f"{self._name} could not run the engine: {' '.join(logger(self._name).errors)}")
        return None

    def synchronize(self) -> None:
        """See Session.synchronize."""
        import torch

        torch.cuda.current_stream(self._device).synchronize()

    def outputs(self) -> list[np.ndarray]:
        """See Session.outputs."""
        self.synchronize()
        tensors = [self._buffers[name] for name in self._outputs]
        return [(t.float() if t.is_floating_point() else t).cpu().numpy() for t in tensors]

    def layers(self, runs: int, max_s: float) -> LayerTimes:
        """See Session.layers: times of TensorRT's IProfiler in a second context, facts of the engine inspector."""
        import torch

        from bakeoff.profiling.layers import LayerSamples, summarise

        trt = library(self._name)

        class Profiler(trt.IProfiler):  # type: ignore[name-defined]
            def __init__(self) -> None:
                trt.IProfiler.__init__(self)
                self.times: list[tuple[str, float]] = []

            def report_layer_time(self, layer_name: str, ms: float) -> None:
                self.times.append((layer_name, ms))

        context, profiler = self._new_context(), Profiler()
        context.profiler = profiler
        self._bind(context)
        stream = torch.cuda.current_stream(self._device)

        def once() -> tuple[list[tuple[str, float]], float]:
            profiler.times = []
            before = time.perf_counter()
            if not context.execute_async_v3(stream.cuda_stream):
                raise EngineError(f"{self._name} could not profile: {' '.join(logger(self._name).errors)}")
            stream.synchronize()
            return profiler.times, (time.perf_counter() - before) * 1000

        for _ in range(_WARM_UP_RUNS):
            once()
        profiled = []
        started = time.perf_counter()
        for _ in range(runs):
            profiled.append(once())
            if time.perf_counter() - started > max_s:
                break
        inspector = self._engine.create_engine_inspector()
        inspector.execution_context = context  # shapes of this batch size
        facts = trt_info.from_inspector(inspector.get_engine_information(trt.LayerInformationFormat.JSON), {})
        known = {layer.name: layer for layer in trt_info.layers(facts)}
        samples = []
        for i, (name, _) in enumerate(profiled[0][0]):
            info = known.get(name) or trt_info.LayerInfo(name=name, type="layer", dtype=None)
            samples.append(
                LayerSamples(
                    name=name,
                    type=info.type,
                    ms=[times[i][1] for times, _ in profiled],
                    input_shapes=info.input_shapes,
                    output_shapes=info.output_shapes,
                    dtype=info.dtype,
                    fused=info.fused,
                )
            )
        return LayerTimes(summarise(samples), len(profiled), [], statistics.median(ms for _, ms in profiled))

    def close(self) -> None:
        """See Session.close."""
        self._buffers = {}
        del self._context, self._engine

    def _new_context(self) -> Any:
        context = self._engine.create_execution_context()
        if context is None:
            raise EngineError(f"{self._name} has no room for the engine: {' '.join(logger(self._name).errors)}")
        return context

    def _bind(self, context: Any) -> None:
        """Give a context the prepared inputs and, once their shapes are known, room for its outputs."""
        import torch

        for name in self._inputs:
            buffer = self._buffers[name]
            if not context.set_input_shape(name, tuple(buffer.shape)):
                raise EngineError(f"the engine does not take shape {tuple(buffer.shape)} at input {name!r}")
            context.set_tensor_address(name, buffer.data_ptr())
        for name in self._outputs:
            shape = tuple(context.get_tensor_shape(name))
            if any(size < 0 for size in shape):
                raise EngineError(f"the shape of output {name!r} depends on the data, which Bakeoff does not support")
            if name not in self._buffers or tuple(self._buffers[name].shape) != shape:
                self._buffers[name] = torch.empty(shape, dtype=self._torch_dtype(name), device=self._device)
            context.set_tensor_address(name, self._buffers[name].data_ptr())

    def _torch_dtype(self, name: str) -> torch.dtype:
        import torch

        dtype: torch.dtype = getattr(torch, dtype_name(self._engine.get_tensor_dtype(name)))
        return dtype


def _typed(trt: Any) -> int:
    """Flags of a strongly typed network; versions that know no other kind of network have no flag for it."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def _parse(trt: Any, network: Any, log: Any, source: Path) -> None:
    parser = trt.OnnxParser(network, log)
    if parser.parse_from_file(str(source)):
        return
    reasons = [parser.get_error(i).desc().strip() for i in range(parser.num_errors)]
    raise BuildError(f"TensorRT's parser refuses {source}: {' '.join(reasons) or 'no reason given'}")


def _set_batch(builder: Any, config: Any, network: Any, spec: EngineSpec, source: Path) -> None:
    """Add an optimization profile for the inputs' dynamic batch dimension."""
    profile, dynamic = builder.create_optimization_profile(), False
    for i in range(network.num_inputs):
        tensor = network.get_input(i)
        batch, *rest = tuple(tensor.shape)
        if any(size < 0 for size in rest):
            raise BuildError(f"{source}: input {tensor.name!r} has other dynamic dimensions than the batch")
        if batch < 0:
            dynamic = True
            sizes = [(size, *rest) for size in (spec.batch_min, spec.batch_opt, spec.batch_max)]
            profile.set_shape(tensor.name, *sizes)
        elif not batch == spec.batch_min == spec.batch_max:
            raise BuildError(
                f"{source} has a fixed batch size of {batch} at input {tensor.name!r}; batch sizes {spec.batch_min} "
                f"to {spec.batch_max} are asked for: export it with a dynamic batch dimension"
            )
    if dynamic:
        config.add_optimization_profile(profile)
