"""OpenVINO on the CPU.

The engine is OpenVINO's intermediate representation (.xml with its .bin); loading compiles it for the
processor, which is why OpenVINO loads more slowly than others and builds faster.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bakeoff.backends.base import (
    Backend,
    Built,
    EngineSpec,
    ExportKey,
    LayerTimes,
    Request,
    Session,
    check_input_count,
)
from bakeoff.backends.options import BackendOptions
from bakeoff.backends.shared.arrays import as_float32, bfloat16_bits, from_bfloat16_bits
from bakeoff.backends.shared.refusals import NO_TF32_ON_CPU
from bakeoff.core.errors import BuildError, EngineError
from bakeoff.core.machine import Machine
from bakeoff.core.operator_libraries import with_operators
from bakeoff.core.precision import Precision
from bakeoff.core.quoting import essential_line
from bakeoff.profiling.running_average import durations_us
from bakeoff.quantization import int8_instructions
from bakeoff.quantization.fp8 import no_fp8_hardware
from bakeoff.quantization.nncf_openvino import Method, Preset, import_nncf, quantize_model

if TYPE_CHECKING:
    import numpy as np
    import openvino as ov

GRAPH = "engine.xml"
WEIGHTS = "engine.bin"

# What is not quantized in an int8 engine stays in fp32, as in every other backend.
_HINTS: dict[Precision, str] = {"fp32": "f32", "int8": "f32", "bf16": "bf16", "fp16": "f16"}

_DTYPES = {
    "f64": "float64",
    "f32": "float32",
    "f16": "float16",
    "bf16": "bfloat16",
    "f8e4m3": "float8_e4m3fn",
    "f8e5m2": "float8_e5m2",
    "i64": "int64",
    "i32": "int32",
    "i16": "int16",
    "i8": "int8",
    "u8": "uint8",
    "boolean": "bool",
}

# Nodes of the runtime model that hold or hand over data and are never executed as layers.
_NOT_LAYERS = frozenset({"Const", "Input", "Output", "Parameter", "Result"})

_WARM_UP_RUNS = 2

_RUNS_PER_COMPILATION = 4


class OpenVinoOptions(BackendOptions):
    """OpenVINO on the CPU: latency hint, one stream, as many threads as every other backend."""

    kind: Literal["openvino"] = "openvino"
    frontend: Literal["onnx", "pytorch"] = "onnx"
    """What the graph is read from: an ONNX export, or a trace (OpenVINO's PyTorch frontend), for models whose
    ONNX graph OpenVINO refuses or gets wrong, such as spectral ones."""
    cpu_pinning: bool = False
    """Bind threads to cores. OpenVINO itself would bind them; off here, since no other backend binds its
    threads, and bound threads cannot give way to other processes on the same cores."""
    calibration: Method = "minmax"
    """int8: ranges of activations are the extremes seen over all inputs (`minmax`, as every other backend's default) or
    the mean over inputs of each one's extremes (`mean_minmax`, NNCF's own default: clips what few inputs reach)."""
    preset: Preset | None = None
    """int8: symmetric activations (`performance`) or asymmetric ones (`mixed`: more accurate for activations that are
    not, slower); NNCF's own choice for the kind of model when left out."""
    transformer: bool | None = None
    """int8: quantize by NNCF's patterns for transformers; where the graph has attention when left out."""
    fast_bias_correction: bool = True
    """int8: correct biases from the same statistics; false corrects layer by layer: slower, often more accurate."""


class OpenVino(Backend):
    """Converts ONNX to OpenVINO's representation and runs it in one InferRequest."""

    kind = "openvino"
    summary = "OpenVINO: Intel's engine, here on the CPU"
    rank = 50
    Options = OpenVinoOptions
    quantization_options = frozenset({"calibration", "preset", "transformer", "fast_bias_correction"})
    options: OpenVinoOptions

    def export_key(self, precision: Precision) -> ExportKey:
        """See Backend.export_key: OpenVINO casts by itself when it compiles."""
        return ExportKey("onnx" if self.options.frontend == "onnx" else "torchscript-trace", "fp32")

    def distributions(self) -> tuple[str, ...]:
        """See Backend.distributions."""
        return ("openvino",) if self.options.frontend == "onnx" else ("openvino", "torch")

    def quantizer_distributions(self) -> tuple[str, ...]:
        """See Backend.quantizer_distributions."""
        return ("nncf",)

    def running_options(self, device: str) -> frozenset[str]:
        """See Backend.running_options."""
        return frozenset({"cpu_pinning"})

    def cannot_build(self, request: Request) -> str | None:
        """See Backend.cannot_build."""
        if importlib.util.find_spec("openvino") is None:
            return "the package openvino is not installed"
        if request.device != "cpu":
            return "OpenVINO does not run on NVIDIA GPUs; it is measured in a study with device: cpu"
        flags = request.machine.cpu_flags
        if request.precision == "tf32":
            return NO_TF32_ON_CPU
        if request.precision == "fp8":
            return no_fp8_hardware(request.machine, request.device)
        if request.precision == "int8" and importlib.util.find_spec("nncf") is None:
            return "the package nncf, which quantizes for OpenVINO, is not installed: pip install nncf"
        if request.precision == "bf16" and not flags & {"avx512_bf16", "amx_bf16"}:
            return "this processor has no bf16 instructions (avx512_bf16, amx_bf16): OpenVINO would compute in fp32"
        if request.precision == "fp16" and not flags & {"avx512_fp16", "amx_fp16", "asimdhp"}:
            return "this processor has no fp16 instructions (avx512_fp16, amx_fp16): OpenVINO would compute in fp32"
        return None

    def import_library(self) -> None:
        """See Backend.import_library."""
        import openvino  # noqa: F401

    def import_quantizer(self) -> None:
        """See Backend.import_quantizer."""
        import_nncf()

    def build(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        """See Backend.build. Weights are stored as fp16 for an fp16 engine, quantized for int8, else as exported."""
        import openvino as ov

        onnx = self.options.frontend == "onnx"
        source = export / ("model.onnx" if onnx else "model.ts")
        built = Built(files=[GRAPH, WEIGHTS])
        trace = None if onnx else _trace(source)
        start = time.perf_counter()
        try:
            model = ov.Core().read_model(source) if trace is None else _converted(trace, spec)
            if spec.precision == "int8":
                model, built.calibration_method = self._quantized(model, spec)
                if not int8_instructions.has_int8_instructions(Machine.detect().cpu_flags):
                    built.notes.append(int8_instructions.NOTE)
            _set_batch(model, spec, source)
            model = _with_element_type(model, spec.precision)
            ov.save_model(model, out / GRAPH, compress_to_fp16=spec.precision == "fp16")
        except RuntimeError as error:
            raise BuildError(f"OpenVINO cannot convert {source}: {error}") from error
        if trace is not None:  # without the import of torch, which no user of the ONNX frontend waits for
            built.build_s = time.perf_counter() - start
            built.notes.append("read from a trace, by OpenVINO's PyTorch frontend")
        return built

    def _quantized(self, model: ov.Model, spec: EngineSpec) -> tuple[ov.Model, str]:
        from bakeoff.quantization.calibration_set import batches

        if spec.calibration is None:
            raise BuildError("a quantized engine cannot be built without a calibration set")
        batch = model.inputs[0].partial_shape[0]
        data = batches(spec.calibration, 1 if batch.is_dynamic else batch.get_length())
        options = self.options
        return quantize_model(
            model, data, options.calibration, options.preset, options.transformer, options.fast_bias_correction
        )

    def inspect(self, folder: Path, built: Built, spec: EngineSpec) -> None:
        """See Backend.inspect: the runtime model after one inference on zeros.

        Before that, a model with a dynamic batch dimension has not chosen its implementations.
        """
        from bakeoff.profiling.precision_held import record_dtypes

        compiled = self.compile(folder / GRAPH, spec)
        request = compiled.create_infer_request()
        # The request reads these arrays in place and does not keep them alive: freed too early, OpenVINO crashes.
        zeros = _as_taken(spec.example_arrays(spec.batch_opt), compiled)
        _set_inputs(request, zeros)
        request.infer(share_outputs=True)
        nodes = _runtime_nodes(compiled).values()
        record_dtypes(built, [(node.type, node.dtype) for node in nodes], spec.precision)

    def load(self, folder: Path, files: list[str], spec: EngineSpec, batch_size: int) -> Session:
        """See Backend.load."""
        spec.check_batch(batch_size)
        return OpenVinoSession(self, folder / files[0], spec)

    def compile(self, graph: Path, spec: EngineSpec, profile: bool = False) -> ov.CompiledModel:
        """Compile the engine for this processor. Raises EngineError where OpenVINO refuses it."""
        import openvino as ov

        core = ov.Core()
        settings: dict[str, Any] = {
            # Without the hint OpenVINO computes in bf16 wherever the processor has AMX.
            "INFERENCE_PRECISION_HINT": _HINTS[spec.precision],
            "EXECUTION_MODE_HINT": "ACCURACY" if spec.precision == "fp32" else "PERFORMANCE",
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": spec.threads,
            "ENABLE_CPU_PINNING": self.options.cpu_pinning,
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
            "PERF_COUNT": profile,
        }
        try:
            return core.compile_model(core.read_model(graph), "CPU", settings)
        except RuntimeError as error:
            raise EngineError(f"OpenVINO cannot load {graph}: {error}") from error


class OpenVinoSession(Session):
    """One InferRequest whose input tensors are set once and whose outputs stay in its own memory."""

    def __init__(self, backend: OpenVino, graph: Path, spec: EngineSpec) -> None:
        self._backend = backend
        self._graph = graph
        self._spec = spec
        self._compiled = backend.compile(graph, spec)
        self._request = self._compiled.create_infer_request()
        self._arrays: list[np.ndarray] = []

    def prepare(self, inputs: list[np.ndarray]) -> None:
        """See Session.prepare."""
        self._arrays = _as_taken(inputs, self._compiled)
        _set_inputs(self._request, self._arrays)

    def run(self) -> Any:
        """See Session.run."""
        return self._request.infer(share_outputs=True)

    def outputs(self) -> list[np.ndarray]:
        """See Session.outputs."""
        return [_on_host(tensor) for tensor in self._request.output_tensors]

    def layers(self, runs: int, max_s: float) -> LayerTimes:
        """See Session.layers: OpenVINO's own counters, on compilations of their own.

        The counters tell, in whole microseconds, each layer's average over all inferences since compilation,
        cold first ones included. So the inferences are spread over several compilations, as many as half of
        max_s allows, each with its own warm-up, and single durations come from differences of totals.
        """
        from bakeoff.profiling.layers import LayerSamples, summarise

        started = time.perf_counter()
        compiled = self._backend.compile(self._graph, self._spec, profile=True)
        compile_s = time.perf_counter() - started
        compilations = max(1, min(-(-runs // _RUNS_PER_COMPILATION), int(max_s / 2 / compile_s)))
        per_compilation = -(-runs // compilations)
        started = time.perf_counter()
        ms: dict[str, list[float]] = {}
        kinds: dict[str, tuple[str, str]] = {}
        whole_ms: list[float] = []
        while True:
            counted, latencies = self._count(compiled, min(per_compilation, runs - len(whole_ms)), started + max_s)
            for counters in zip(*counted, strict=True):
                name = counters[0].node_name
                averages = [counter.real_time.total_seconds() * 1e6 for counter in counters]
                ms.setdefault(name, []).extend(us / 1000 for us in durations_us(averages, _WARM_UP_RUNS))
                kinds[name] = counters[0].node_type, counters[-1].exec_type
            whole_ms += latencies
            if len(whole_ms) >= runs or time.perf_counter() - started > max_s:
                break
            compiled = self._backend.compile(self._graph, self._spec, profile=True)
        nodes = _runtime_nodes(compiled)
        layers = [
            LayerSamples(
                name=name,
                type=kinds[name][0],
                ms=ms[name],
                input_shapes=node.input_shapes,
                output_shapes=node.output_shapes,
                dtype=node.dtype,
                fused=node.fused,
                kernel=kinds[name][1],
            )
            for name, node in nodes.items()
            if any(ms.get(name, []))
        ]
        resolution = min(per_compilation, len(whole_ms)) + _WARM_UP_RUNS
        note = (
            f"OpenVINO counts in averages of whole microseconds: a layer's time in one run is good to {resolution} us"
        )
        return LayerTimes(summarise(layers), len(whole_ms), [note], statistics.median(whole_ms))

    def _count(
        self, compiled: ov.CompiledModel, runs: int, until: float
    ) -> tuple[list[list[ov.ProfilingInfo]], list[float]]:
        """The counters after each inference, those of the warm-up first, and latencies in ms without those."""
        request = compiled.create_infer_request()
        _set_inputs(request, self._arrays)
        counted, latencies = [], []
        for _ in range(_WARM_UP_RUNS + runs):
            before = time.perf_counter()
            request.infer(share_outputs=True)
            after = time.perf_counter()
            latencies.append((after - before) * 1000)
            counted.append(request.get_profiling_info())
            if len(latencies) > _WARM_UP_RUNS and after > until:
                break
        return counted, latencies[_WARM_UP_RUNS:]

    def close(self) -> None:
        """See Session.close."""
        del self._request, self._compiled


class _RuntimeNode:
    """One node of the graph as OpenVINO executes it."""

    def __init__(self, operation: Any) -> None:
        facts = operation.rt_info
        self.type = facts["layerType"].astype(str)
        precision = facts["runtimePrecision"].astype(str)
        self.dtype = _DTYPES.get(precision, precision)
        sources = [name for name in facts["originalLayersNames"].astype(str).split(",") if name]
        self.fused = [name for name in sources if name != operation.get_friendly_name()]
        self.input_shapes = _shapes(value.get_source_output() for value in operation.inputs())
        self.output_shapes = _shapes(operation.outputs())


def _runtime_nodes(compiled: ov.CompiledModel) -> dict[str, _RuntimeNode]:
    operations = compiled.get_runtime_model().get_ordered_ops()
    nodes = {operation.get_friendly_name(): _RuntimeNode(operation) for operation in operations}
    return {name: node for name, node in nodes.items() if node.type not in _NOT_LAYERS}


def _shapes(outputs: Any) -> list[list[int]]:
    shapes = [output.get_partial_shape() for output in outputs]
    return [list(shape.to_shape()) for shape in shapes if shape.is_static]


def _trace(file: Path) -> Any:
    """What torch.jit.trace saved. Raises BuildError where it does not load."""
    import torch

    try:
        return with_operators(lambda: torch.jit.load(str(file), map_location="cpu"))
    except Exception as error:
        raise BuildError(f"torch.jit could not load {file}: {essential_line(error)}") from error


def _converted(trace: Any, spec: EngineSpec) -> ov.Model:
    """The graph of a trace, its shapes known but for the batch dimension, its inputs named as the model's."""
    import openvino as ov
    import torch

    example = tuple(torch.from_numpy(array) for array in spec.example_arrays(spec.batch_opt))
    model = ov.convert_model(trace, example_input=example)
    for argument, info in zip(model.inputs, spec.inputs, strict=True):
        argument.get_tensor().set_names({info.name})
    model.reshape({info.name: ov.PartialShape([-1, *info.shape]) for info in spec.inputs})
    return model


def _set_batch(model: ov.Model, spec: EngineSpec, source: Path) -> None:
    """Fix the batch dimension where the engine is for one size; refuse a fixed model for several."""
    shapes = {}
    for argument in model.inputs:
        shape = argument.partial_shape
        batch = shape[0]
        if batch.is_dynamic:
            if not spec.dynamic:
                shape[0] = spec.batch_opt
        else:
            spec.check_fixed_batch(batch.get_length(), argument.any_name, source)
        shapes[argument.any_name] = shape
    if not spec.dynamic:
        model.reshape(shapes)


def _with_element_type(model: ov.Model, precision: Precision) -> ov.Model:
    """The model with floating inputs and outputs in the element type that every backend has at this precision.

    The graph is exported in fp32, and would otherwise take and give float32: twice the bytes, and a conversion at both
    ends that other backends do not have.
    """
    import openvino as ov
    from openvino.preprocess import PrePostProcessor

    if precision not in ("fp16", "bf16"):
        return model
    kind = ov.Type.f16 if precision == "fp16" else ov.Type.bf16
    steps = PrePostProcessor(model)
    for ports, step in ((model.inputs, steps.input), (model.outputs, steps.output)):
        for position, port in enumerate(ports):
            if port.element_type.is_real():
                step(position).tensor().set_element_type(kind)
    return steps.build()


def _as_taken(inputs: list[np.ndarray], compiled: ov.CompiledModel) -> list[np.ndarray]:
    """The inputs in the element types that the engine takes, contiguous; bfloat16, which NumPy lacks, as its bits."""
    import numpy as np
    import openvino as ov

    check_input_count(len(compiled.inputs), len(inputs))
    taken = []
    for array, argument in zip(inputs, compiled.inputs, strict=True):
        if argument.element_type == ov.Type.bf16:
            taken.append(bfloat16_bits(array))
        else:
            taken.append(np.ascontiguousarray(array, dtype=argument.element_type.to_dtype()))
    return taken


def _set_inputs(request: ov.InferRequest, arrays: list[np.ndarray]) -> None:
    import openvino as ov

    for i, (array, argument) in enumerate(zip(arrays, request.model_inputs, strict=True)):
        if argument.element_type == ov.Type.bf16:
            tensor = ov.Tensor(array, list(array.shape), ov.Type.bf16)
        else:
            tensor = ov.Tensor(array, shared_memory=True)
        request.set_input_tensor(i, tensor)


def _on_host(tensor: ov.Tensor) -> np.ndarray:
    """An output as an array of its own, floating ones in float32."""
    import numpy as np
    import openvino as ov

    if tensor.element_type == ov.Type.bf16:
        return from_bfloat16_bits(np.array(tensor.data).view(np.uint16))
    return as_float32(np.array(tensor.data))
