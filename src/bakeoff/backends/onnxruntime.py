"""ONNX Runtime, on its CPU or CUDA provider.

The engine is the graph as ONNX Runtime optimized it for this machine, loaded later without optimizing it
again. Weights lie beside the graph, so models beyond protobuf's 2 GB limit work and loading maps them.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from bakeoff.backends.base import Backend, Built, Cell, EngineSpec, ExportKey, LayerTimes, Session
from bakeoff.backends.options import CudaGraphOptions, cuda_graph_refusal
from bakeoff.errors import BuildError, EngineError
from bakeoff.machine import Machine, version_of
from bakeoff.precision import Precision
from bakeoff.quantization import int8_instructions
from bakeoff.quantization.fp8 import no_fp8_hardware
from bakeoff.quantization.static_onnx import Method, Scheme, calibration_batches, import_tools, quantize_onnx

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime as ort

MODEL = "model.onnx"
GRAPH = "engine.onnx"
WEIGHTS = "engine.onnx.data"

# ONNX Runtime's own names, where they differ from numpy's.
_DTYPES = {"float": "float32", "double": "float64"}

_WARM_UP_RUNS = 2


class OnnxRuntimeOptions(CudaGraphOptions):
    """ONNX Runtime: the exported ONNX graph on the CPU provider or, on a GPU, the CUDA provider."""

    kind: Literal["onnxruntime"] = "onnxruntime"
    graph_optimization: Literal["all", "extended", "basic", "disabled"] = "all"
    """Graph optimizations at build time: `all` (layout changes for this processor included), `extended`
    (fusions), `basic` (constant folding and the like) or `disabled`."""
    spinning: bool = True
    """Let idle threads spin while they wait for the next operator, as ONNX Runtime does by default: lower
    latency, but the threads use their cores also between operators."""
    calibration: Method = "minmax"
    """int8: ranges of activations are the extremes seen (`minmax`), those that lose least information (`entropy`) or a
    quantile of magnitudes (`percentile`)."""
    percentile: Annotated[float, Field(ge=50, le=100)] = 99.99
    """int8: the quantile, in percent, of calibration `percentile`."""
    per_channel: bool = True
    """int8: a scale for each output channel of a weight, instead of one for the whole."""
    reduce_range: bool | None = None
    """int8: weights in 7 bits, so that 16-bit sums cannot saturate; where the processor has no VNNI when left out."""


class OnnxRuntime(Backend):
    """Builds an optimized ONNX graph and runs it in an InferenceSession."""

    kind = "onnxruntime"
    summary = "ONNX Runtime: Microsoft's engine for ONNX graphs, on its CPU or CUDA provider"
    rank = 40
    Options = OnnxRuntimeOptions
    quantization_options = frozenset({"calibration", "percentile", "per_channel", "reduce_range"})
    options: OnnxRuntimeOptions

    def export_key(self, precision: Precision) -> ExportKey:
        """See Backend.export_key: the graph's own types decide what ONNX Runtime computes in."""
        return ExportKey("onnx", precision if precision in ("fp16", "bf16") else "fp32")

    def distributions(self) -> tuple[str, ...]:
        """See Backend.distributions."""
        return ("onnxruntime", "onnxruntime-gpu")

    def quantizer_distributions(self) -> tuple[str, ...]:
        """See Backend.quantizer_distributions."""
        return ("onnx",)

    def cannot_build(self, cell: Cell) -> str | None:
        """See Backend.cannot_build."""
        if importlib.util.find_spec("onnxruntime") is None:
            return "the package onnxruntime is not installed"
        refusal = cuda_graph_refusal(self.options, cell.device)
        if refusal:
            return refusal
        if cell.precision == "fp8":
            return no_fp8_hardware(cell) or "ONNX Runtime's CUDA provider has no fp8 kernels for most operators"
        if cell.precision == "bf16":
            return "ONNX Runtime refuses bf16 convolutions in the ONNX operator set that PyTorch exports"
        if cell.device == "cpu":
            if cell.precision == "tf32":
                return "TF32 exists on NVIDIA GPUs only"
            if cell.precision == "fp16":
                return (
                    "ONNX Runtime's CPU provider has no fp16 kernels for most operators: "
                    "it would insert casts and compute in fp32"
                )
            return None
        if cell.precision == "int8":
            return (
                "ONNX Runtime's CUDA provider has no int8 convolutions: it would compute in fp32; int8 is for its CPU"
            )
        gpu = cell.machine.gpu(cell.device)
        if gpu is None:
            return f"there is no GPU {cell.device} on this machine"
        if version_of("onnxruntime-gpu") is None:
            return "the installed onnxruntime has no CUDA provider; install onnxruntime-gpu in its place"
        if cell.precision == "tf32" and gpu.compute_capability < (8, 0):
            return f"TF32 needs compute capability 8.0 or later; {gpu.name} has less"
        return None

    def import_library(self) -> None:
        """See Backend.import_library."""
        import onnxruntime  # noqa: F401

    def import_quantizer(self) -> None:
        """See Backend.import_quantizer."""
        import_tools()

    def build(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        """See Backend.build. int8: a QDQ graph, whose pairs ONNX Runtime's optimizer fuses into int8 kernels."""
        if spec.precision != "int8":
            return self._build(export / MODEL, export, spec, out)
        with tempfile.TemporaryDirectory(prefix="bakeoff-ort-") as scratch:
            quantized = Path(scratch) / MODEL
            scheme, notes = self._scheme()
            data = calibration_batches(spec.calibration, export / MODEL, scheme)
            notes += quantize_onnx(export / MODEL, quantized, data, scheme)
            built = self._build(quantized, export, spec, out)
        built.calibration_method = scheme.words
        built.notes += notes
        return built

    def _scheme(self) -> tuple[Scheme, list[str]]:
        """How this processor's int8 kernels want a graph quantized, and notes on it."""
        fast = int8_instructions.has_int8_instructions(Machine.detect().cpu_flags)
        reduce_range = self.options.reduce_range
        scheme = Scheme(
            method=self.options.calibration,
            percentile=self.options.percentile,
            per_channel=self.options.per_channel,
            reduce_range=not fast if reduce_range is None else reduce_range,
            signed=int8_instructions.is_arm(),
        )
        return scheme, [] if fast else [int8_instructions.NOTE]

    def _build(self, source: Path, export: Path, spec: EngineSpec, out: Path) -> Built:
        """Optimize the graph `source`, which was made from the one in `export` or is it."""
        import onnxruntime as ort

        settings = self._settings(spec)
        level = {"all": "ALL", "extended": "EXTENDED", "basic": "BASIC"}.get(self.options.graph_optimization)
        settings.graph_optimization_level = getattr(
            ort.GraphOptimizationLevel, f"ORT_ENABLE_{level}" if level else "ORT_DISABLE_ALL"
        )
        settings.optimized_model_filepath = str(out / GRAPH)
        settings.add_session_config_entry("session.optimized_model_external_initializers_file_name", WEIGHTS)
        settings.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
        # It warns that the optimized graph is for this machine only: engines are, and the record says so.
        settings.log_severity_level = 3
        try:
            session = ort.InferenceSession(str(source), settings, providers=_providers(spec))
        except Exception as error:
            raise BuildError(f"ONNX Runtime cannot read {export / MODEL}: {error}") from error
        _check_provider(session, spec, BuildError)
        _check_batch(session, spec, export)
        return Built(files=[name for name in (GRAPH, WEIGHTS) if (out / name).exists()])

    def inspect(self, folder: Path, built: Built, spec: EngineSpec) -> None:
        """See Backend.inspect: what one profiled inference on zeros executed, in which types, and where."""
        import numpy as np

        from bakeoff.profiling.precision_held import record_dtypes

        session = self._session(folder / GRAPH, spec)
        session.prepare([np.zeros((spec.batch_opt, *i.shape), dtype=i.dtype) for i in spec.inputs])
        run = session.profile(1, float("inf"))[0]
        session.close()
        record_dtypes(built, [(node.operator, node.dtype) for node in run.nodes], spec.precision)
        asked = _providers(spec)[0]
        provider = asked if isinstance(asked, str) else asked[0]
        elsewhere: dict[tuple[str, str], int] = {}
        for node in run.nodes:
            if node.provider and node.provider != provider:
                elsewhere[node.operator, node.provider] = elsewhere.get((node.operator, node.provider), 0) + 1
        built.fallback = [f"{kind} ({n}) on {where}" for (kind, where), n in sorted(elsewhere.items())]

    def load(self, folder: Path, files: list[str], spec: EngineSpec, batch_size: int) -> Session:
        """See Backend.load."""
        spec.check_batch(batch_size)
        return self._session(folder / files[0], spec)

    def _session(self, graph: Path, spec: EngineSpec) -> OnnxRuntimeSession:
        if spec.device == "cpu":
            return OnnxRuntimeSession(self, graph, spec)
        from bakeoff.backends.onnxruntime_cuda import CudaOnnxRuntimeSession

        return CudaOnnxRuntimeSession(self, graph, spec)

    def open(
        self, graph: Path, spec: EngineSpec, profile_prefix: str | None = None, cuda: dict[str, str] | None = None
    ) -> ort.InferenceSession:
        """An InferenceSession on an engine, profiled where a prefix for the profile's path is given.

        `cuda` are further options of the CUDA provider.

        Raises EngineError where ONNX Runtime refuses the file.
        """
        import onnxruntime as ort

        settings = self._settings(spec)
        settings.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # done at build time
        if profile_prefix:
            settings.enable_profiling = True
            settings.profile_file_prefix = profile_prefix
        try:
            session = ort.InferenceSession(str(graph), settings, providers=_providers(spec, cuda))
        except Exception as error:
            raise EngineError(f"ONNX Runtime cannot load {graph}: {error}") from error
        _check_provider(session, spec, EngineError)
        return session

    def _settings(self, spec: EngineSpec) -> ort.SessionOptions:
        import onnxruntime as ort

        settings = ort.SessionOptions()
        settings.intra_op_num_threads = spec.threads
        settings.inter_op_num_threads = 1
        settings.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        settings.add_session_config_entry("session.intra_op.allow_spinning", str(int(self.options.spinning)))
        return settings


class OnnxRuntimeSession(Session):
    """An InferenceSession on the CPU whose inputs are bound beforehand."""

    def __init__(self, backend: OnnxRuntime, graph: Path, spec: EngineSpec) -> None:
        self._backend = backend
        self._graph = graph
        self._spec = spec
        self._session = self._open()
        self._arrays: list[np.ndarray] = []
        self._binding: ort.IOBinding | None = None

    def _open(self, profile_prefix: str | None = None) -> ort.InferenceSession:
        return self._backend.open(self._graph, self._spec, profile_prefix)

    def prepare(self, inputs: list[np.ndarray]) -> None:
        """See Session.prepare."""
        import numpy as np

        taken = self._session.get_inputs()
        if len(inputs) != len(taken):
            raise EngineError(f"{self._graph} takes {len(taken)} inputs, {len(inputs)} were given")
        self._arrays = [
            np.ascontiguousarray(array, dtype=np.dtype(numpy_name(argument.type)))
            for array, argument in zip(inputs, taken, strict=True)
        ]
        self._binding = self._bind(self._session)

    def _bind(self, session: ort.InferenceSession) -> ort.IOBinding:
        import onnxruntime as ort

        binding = session.io_binding()
        for array, argument in zip(self._arrays, session.get_inputs(), strict=True):
            binding.bind_ortvalue_input(argument.name, ort.OrtValue.ortvalue_from_numpy(array))
        for result in session.get_outputs():
            binding.bind_output(result.name)
        return binding

    def run(self) -> Any:
        """See Session.run."""
        return self._session.run_with_iobinding(self._binding)

    def outputs(self) -> list[np.ndarray]:
        """See Session.outputs."""
        import numpy as np

        if self._binding is None:
            raise EngineError("outputs asked before any inference")
        arrays = [np.array(array) for array in self._binding.copy_outputs_to_cpu()]
        return [a.astype(np.float32) if np.issubdtype(a.dtype, np.floating) else a for a in arrays]

    def layers(self, runs: int, max_s: float) -> LayerTimes:
        """See Session.layers: kernel times of ONNX Runtime's own profiler, which counts in microseconds."""
        from bakeoff.profiling.layers import LayerSamples, summarise

        profiled = self.profile(runs, max_s)
        first = profiled[0]
        kept = [run for run in profiled if [n.name for n in run.nodes] == [n.name for n in first.nodes]]
        notes = []
        if len(kept) < len(profiled):
            notes.append(f"{len(profiled) - len(kept)} of {len(profiled)} runs executed other nodes and were left out")
        layers = summarise(
            [
                LayerSamples(
                    name=node.name,
                    type=node.operator,
                    ms=[run.nodes[i].ms for run in kept],
                    input_shapes=node.input_shapes,
                    output_shapes=node.output_shapes,
                    dtype=node.dtype,
                    kernel=node.provider,
                )
                for i, node in enumerate(first.nodes)
            ]
        )
        return LayerTimes(layers, len(kept), notes, statistics.median(run.ms for run in kept))

    def profile(self, runs: int, max_s: float) -> list[_ProfiledRun]:
        """Profile up to `runs` inferences on the prepared inputs in a second session with the profiler on."""
        with tempfile.TemporaryDirectory(prefix="bakeoff-ort-") as folder:
            session = self._open(str(Path(folder) / "profile"))
            binding = self._bind(session)
            for _ in range(_WARM_UP_RUNS):
                session.run_with_iobinding(binding)
            started = time.perf_counter()
            for _ in range(runs):
                session.run_with_iobinding(binding)
                if time.perf_counter() - started > max_s:
                    break
            events = json.loads(Path(session.end_profiling()).read_text())
        return _read_profile(events)[_WARM_UP_RUNS:]

    def close(self) -> None:
        """See Session.close."""
        self._binding = None
        del self._session


class _Node:
    """One execution of one node, from an event of ONNX Runtime's profiler."""

    def __init__(self, event: dict[str, Any]) -> None:
        details = event["args"]
        self.name: str = event["name"].removesuffix("_kernel_time")
        self.operator: str = details["op_name"]
        self.provider: str | None = details.get("provider")
        self.ms: float = event["dur"] / 1000
        inputs = [next(iter(entry.items())) for entry in details.get("input_type_shape", []) if entry]
        outputs = [next(iter(entry.items())) for entry in details.get("output_type_shape", []) if entry]
        self.input_shapes: list[list[int]] = [shape for _, shape in inputs]
        self.output_shapes: list[list[int]] = [shape for _, shape in outputs]
        # The type of what flows in says what is computed in: a quantized convolution may well put out int32.
        first = (inputs or outputs or [(None, None)])[0][0]
        self.dtype: str | None = _DTYPES.get(first, first) if first else None


class _ProfiledRun:
    """One inference: its nodes in the order of execution, and how long it took in all."""

    def __init__(self, nodes: list[_Node], ms: float) -> None:
        self.nodes = nodes
        self.ms = ms


def _read_profile(events: list[dict[str, Any]]) -> list[_ProfiledRun]:
    """Split the profiler's events into inferences; nodes inside another node's time (loop bodies) belong to it."""
    kernels = sorted(
        (e for e in events if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")),
        key=lambda e: (e["ts"], -e["dur"]),
    )
    whole = sorted((e for e in events if e["name"] == "model_run"), key=lambda e: e["ts"])
    runs, position = [], 0
    for run in whole:
        end = run["ts"] + run["dur"]
        nodes: list[_Node] = []
        covered = run["ts"]
        while position < len(kernels) and kernels[position]["ts"] <= end:
            event = kernels[position]
            position += 1
            if event["ts"] + event["dur"] <= covered and event["dur"] > 0:
                continue
            covered = max(covered, event["ts"] + event["dur"])
            nodes.append(_Node(event))
        runs.append(_ProfiledRun(nodes, run["dur"] / 1000))
    return runs


def _providers(spec: EngineSpec, more: dict[str, str] | None = None) -> list[Any]:
    if spec.device == "cpu":
        return ["CPUExecutionProvider"]
    cuda = {"device_id": spec.device.partition(":")[2], "use_tf32": str(int(spec.precision == "tf32")), **(more or {})}
    return [("CUDAExecutionProvider", cuda), "CPUExecutionProvider"]


def _check_provider(session: ort.InferenceSession, spec: EngineSpec, error: type[BuildError | EngineError]) -> None:
    """ONNX Runtime goes on with the CPU provider where CUDA's cannot start; Bakeoff does not."""
    if spec.device != "cpu" and "CUDAExecutionProvider" not in session.get_providers():
        raise error(
            "ONNX Runtime's CUDA provider did not start (its log says why, most often CUDA or cuDNN libraries "
            "of another major version than onnxruntime-gpu was built for)"
        )


def _check_batch(session: ort.InferenceSession, spec: EngineSpec, export: Path) -> None:
    for argument in session.get_inputs():
        size = argument.shape[0] if argument.shape else None
        if isinstance(size, int) and not size == spec.batch_min == spec.batch_max:
            raise BuildError(
                f"{export / MODEL} has a fixed batch size of {size} at input {argument.name!r}; batch sizes "
                f"{spec.batch_min} to {spec.batch_max} are asked for: export it with a dynamic batch dimension"
            )


def numpy_name(type: str) -> str:
    """The numpy name of an ONNX Runtime type such as `tensor(float)`."""
    name = type.removeprefix("tensor(").removesuffix(")")
    return _DTYPES.get(name, name)
