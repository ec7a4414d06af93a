"""ONNX Runtime, on its CPU or CUDA provider.

The engine is the graph as ONNX Runtime optimized it for this machine, loaded later without optimizing it
again. Weights lie beside the graph, so models beyond protobuf's 2 GB limit work and loading maps them.
"""

from __future__ import annotations

import importlib.util
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from bakeoff.backends.base import Backend, Built, EngineSpec, ExportKey, Request, Session
from bakeoff.backends.onnxruntime.session import OnnxRuntimeSession
from bakeoff.backends.options import CudaGraphOptions, cuda_graph_refusal
from bakeoff.backends.shared.refusals import NO_TF32_ON_CPU, needs_ampere, no_such_gpu
from bakeoff.core.distributions import version_of
from bakeoff.core.errors import BuildError, EngineError
from bakeoff.core.machine import Machine
from bakeoff.core.precision import Precision
from bakeoff.quantization import int8_instructions
from bakeoff.quantization.fp8 import no_fp8_hardware
from bakeoff.quantization.static_onnx import Method, Scheme, calibration_batches, import_tools, quantize_onnx

if TYPE_CHECKING:
    import onnxruntime as ort

MODEL = "model.onnx"
GRAPH = "engine.onnx"
WEIGHTS = "engine.onnx.data"


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

    def running_options(self, device: str) -> frozenset[str]:
        """See Backend.running_options."""
        return frozenset({"cuda_graph", "spinning"})

    def cannot_build(self, request: Request) -> str | None:
        """See Backend.cannot_build."""
        if importlib.util.find_spec("onnxruntime") is None:
            return "the package onnxruntime is not installed"
        refusal = cuda_graph_refusal(self.options, request.device)
        if refusal:
            return refusal
        if request.precision == "fp8":
            return (
                no_fp8_hardware(request.machine, request.device)
                or "ONNX Runtime's CUDA provider has no fp8 kernels for most operators"
            )
        if request.precision == "bf16":
            return "ONNX Runtime refuses bf16 convolutions in the ONNX operator set that PyTorch exports"
        if request.device == "cpu":
            if request.precision == "tf32":
                return NO_TF32_ON_CPU
            if request.precision == "fp16":
                return (
                    "ONNX Runtime's CPU provider has no fp16 kernels for most operators: "
                    "it would insert casts and compute in fp32"
                )
            return None
        if request.precision == "int8":
            return (
                "ONNX Runtime's CUDA provider has no int8 convolutions: it would compute in fp32; int8 is for its CPU"
            )
        gpu = request.machine.gpu(request.device)
        if gpu is None:
            return no_such_gpu(request)
        if version_of("onnxruntime-gpu") is None:
            return "the installed onnxruntime has no CUDA provider; install onnxruntime-gpu in its place"
        return needs_ampere(request.precision, gpu)

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
        """Optimize the graph `source`: that of `export` itself, or one that was made from it."""
        import onnxruntime as ort

        settings = self._settings(spec)
        level = {"all": "ALL", "extended": "EXTENDED", "basic": "BASIC"}.get(self.options.graph_optimization)
        settings.graph_optimization_level = getattr(
            ort.GraphOptimizationLevel, f"ORT_ENABLE_{level}" if level else "ORT_DISABLE_ALL"
        )
        settings.optimized_model_filepath = str(out / GRAPH)
        settings.add_session_config_entry("session.optimized_model_external_initializers_file_name", WEIGHTS)
        settings.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
        # Only errors are logged: it would warn that the optimized graph is for this machine only, as every engine is.
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
        from bakeoff.profiling.precision_held import record_dtypes

        session = self._session(folder / GRAPH, spec)
        session.prepare(spec.example_arrays(spec.batch_opt))
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
            return OnnxRuntimeSession(partial(self.open, graph, spec))
        from bakeoff.backends.onnxruntime.cuda import CudaOnnxRuntimeSession

        return CudaOnnxRuntimeSession(partial(self.open, graph, spec), spec.device, self.options.cuda_graph)

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


def _providers(spec: EngineSpec, more: dict[str, str] | None = None) -> list[Any]:
    if spec.device == "cpu":
        return ["CPUExecutionProvider"]
    cuda = {"device_id": spec.device.partition(":")[2], "use_tf32": str(int(spec.precision == "tf32")), **(more or {})}
    return [("CUDAExecutionProvider", cuda), "CPUExecutionProvider"]


def _check_provider(session: ort.InferenceSession, spec: EngineSpec, error: type[BuildError | EngineError]) -> None:
    """Raise `error` where CUDA's provider did not start: ONNX Runtime then goes on with its CPU provider."""
    if spec.device != "cpu" and "CUDAExecutionProvider" not in session.get_providers():
        raise error(
            "ONNX Runtime's CUDA provider did not start (its log says why, most often CUDA or cuDNN libraries "
            "of another major version than onnxruntime-gpu was built for)"
        )


def _check_batch(session: ort.InferenceSession, spec: EngineSpec, export: Path) -> None:
    for argument in session.get_inputs():
        size = argument.shape[0] if argument.shape else None
        if isinstance(size, int):
            spec.check_fixed_batch(size, argument.name, export / MODEL)
