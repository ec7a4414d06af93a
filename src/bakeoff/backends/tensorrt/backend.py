"""TensorRT: ONNX to an engine plan, through `tensorrt` or `tensorrt_rtx`.

Networks are strongly typed: every layer computes in the type that the exported graph gives it, and TF32 is
switched on or off explicitly, so a precision is never the library's choice.

Where `tensorrt` and `tensorrt_rtx` differ is in `bakeoff.backends.tensorrt.library`; docs/tensorrt.md says which were
run.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bakeoff.backends.base import Backend, Built, EngineSpec, ExportKey, Request, Session
from bakeoff.backends.shared.cuda_stream import OwnStream
from bakeoff.backends.shared.refusals import needs_ampere
from bakeoff.backends.tensorrt import info as trt_info
from bakeoff.backends.tensorrt.elsewhere import adopt, export_digests
from bakeoff.backends.tensorrt.library import (
    Contexts,
    choose,
    deserialize,
    distribution_of,
    library,
    logger,
    missing,
)
from bakeoff.backends.tensorrt.options import TensorRtOptions
from bakeoff.backends.tensorrt.session import TensorRtSession, captures_itself
from bakeoff.core.errors import BuildError, EngineError
from bakeoff.core.precision import Precision
from bakeoff.quantization.fp8 import no_fp8_hardware
from bakeoff.quantization.static_onnx import Scheme, calibration_batches, import_tools, quantize_onnx

MODEL = "model.onnx"
PLAN = "engine.plan"
RUNTIME_CACHE = "runtime.cache"
TIMING_CACHE = "timing.cache"

ENGINE_OPTIONS = {"optimization_level", "workspace_bytes"}
"""Options that a plan depends on; the others are about loading and running it. (Those of quantization are added.)"""


class TensorRt(Backend):
    """Builds an engine plan, and on an NVIDIA GPU runs it in an execution context."""

    kind = "tensorrt"
    summary = "TensorRT: NVIDIA's engine, from ONNX (tensorrt or tensorrt_rtx)"
    rank = 60
    Options = TensorRtOptions
    quantization_options = frozenset({"calibration", "percentile", "per_channel"})
    options: TensorRtOptions

    def __init__(self, options: TensorRtOptions) -> None:
        super().__init__(options)
        self._again: Callable[[], Any] | None = None
        """Builds the latest engine once more, where warm_build asks for it."""

    def export_key(self, precision: Precision) -> ExportKey:
        """See Backend.export_key: the graph's own types are the engine's."""
        return ExportKey("onnx", precision if precision in ("fp16", "bf16") else "fp32")

    def distributions(self) -> tuple[str, ...]:
        """See Backend.distributions."""
        if self.options.library == "auto":
            return (distribution_of("tensorrt"), distribution_of("tensorrt_rtx"))
        return (distribution_of(self.options.library),)

    def quantizer_distributions(self) -> tuple[str, ...]:
        """See Backend.quantizer_distributions."""
        return ("onnxruntime", "onnxruntime-gpu", "onnx")

    def running_options(self, device: str) -> frozenset[str]:
        """See Backend.running_options: none for tensorrt_rtx, whose builds run the engine to compile its kernels."""
        if choose(self.options.library, device) == "tensorrt":
            return frozenset({"cuda_graph", "graph_capture", "kernel_specialization", "runtime_cache"})
        return frozenset()

    def cannot_build(self, request: Request) -> str | None:
        """See Backend.cannot_build."""
        gpu = request.machine.gpu(request.device)
        reason = missing(self.options.library, request.device if gpu else "cpu")
        if reason:
            return reason
        if request.precision == "fp8":
            return (
                no_fp8_hardware(request.machine, request.device)
                or "post-training quantization to fp8 is not implemented yet in Bakeoff"
            )
        if request.precision == "int8" and importlib.util.find_spec("onnxruntime") is None:
            return "onnxruntime, whose tools write the quantized graph, is not installed: pip install onnxruntime"
        return needs_ampere(request.precision, gpu) if gpu else None

    def cannot_run(self, request: Request) -> str | None:
        """See Backend.cannot_run."""
        return None if request.machine.gpu(request.device) else "needs an NVIDIA GPU"

    def times_kernels(self, device: str) -> bool:
        """See Backend.times_kernels: tensorrt_rtx compiles for the GPU at hand when an engine is run."""
        return choose(self.options.library, device) == "tensorrt"

    def import_library(self) -> None:
        """See Backend.import_library: PyTorch holds the buffers."""
        import torch  # noqa: F401

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
            return self._build(export / MODEL, export, spec, out)
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

    def adopt(self, engine: Path, export: Path, spec: EngineSpec, out: Path) -> Built:
        """See Backend.adopt."""
        names = ENGINE_OPTIONS | (self.quantization_options if spec.precision == "int8" else set())
        name = choose(self.options.library, spec.device)
        return adopt(engine, export, spec, out, name, self.options, names)

    def _build_quantized(self, export: Path, spec: EngineSpec, out: Path, scheme: Scheme) -> Built:
        with tempfile.TemporaryDirectory(prefix="bakeoff-trt-") as scratch:
            quantized = Path(scratch) / MODEL
            data = calibration_batches(spec.calibration, export / MODEL, scheme)
            notes = quantize_onnx(export / MODEL, quantized, data, scheme)
            built = self._build(quantized, export, spec, out)
        built.calibration_method = scheme.words
        built.notes += notes
        return built

    def _build(self, source: Path, export: Path, spec: EngineSpec, out: Path) -> Built:
        """Build from the graph `source`: that of `export` itself, or one that was made from it."""
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
        # tensorrt_rtx times no kernels while it builds
        cache = config.create_timing_cache(b"") if name == "tensorrt" else None
        if cache is not None:
            config.set_timing_cache(cache, False)
        with self.timing_kernels(spec):
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
        trt_info.write(out, {**info, "export": export_digests(export)})
        built = Built(files=[PLAN, trt_info.FILE])
        if cache is not None:
            (out / TIMING_CACHE).write_bytes(memoryview(config.get_timing_cache().serialize()))
            built.files.append(TIMING_CACHE)
            if self.options.warm_build:
                self._again = lambda: builder.build_serialized_network(network, config)
        return built

    def inspect(self, folder: Path, built: Built, spec: EngineSpec) -> None:
        """See Backend.inspect: by the engine inspector where there is a GPU, else by the typed network.

        On a GPU tensorrt_rtx's kernels are compiled here, once, and the effect of keeping them is noted.
        """
        again, self._again = self._again, None
        if again is not None:
            started = time.perf_counter()
            again()
            built.warm_build_s = time.perf_counter() - started
        info = trt_info.read(folder)
        network, finished = trt_info.layers(info), None
        if spec.device == "cpu":
            built.notes.append(
                f"{trt_info.FILE} lists the network's layers before fusion: the engine inspector needs an NVIDIA driver"
            )
        else:
            name = choose(self.options.library, spec.device)
            stream = OwnStream(spec.device)
            engine = deserialize(name, (folder / PLAN).read_bytes(), str(folder / PLAN))
            try:
                told = trt_info.inspect(engine, library(name), info)
                trt_info.write(folder, told)
                finished = trt_info.layers(told)
            except EngineError as error:
                built.notes.append(f"{trt_info.FILE} lists the network's layers before fusion: {error}")
            contexts = Contexts(name, engine, runtime_cache=self.options.runtime_cache)
            caches, captures = contexts.cached, captures_itself(contexts, self.options)
            del contexts, engine
            stream.close()
            if self.options.cuda_graph:
                built.notes.append(f"CUDA graph: captured by {f'{name} itself' if captures else 'Bakeoff'}")
            if caches:
                self._keep_kernels(name, folder, built, spec)
        if not built.layer_dtypes:
            trt_info.record_types(built, network, finished, spec.precision)

    def _keep_kernels(self, name: str, folder: Path, built: Built, spec: EngineSpec) -> None:
        """Write the runtime cache, and note what a process saves that has it.

        Where the engine cannot run, only a note is left here; the jobs that run it afterwards fail and say why.
        """
        import torch

        try:
            with self._started(name, folder, spec, None) as (session, without):
                for batch_size in {spec.batch_min, spec.batch_max} - {spec.batch_opt}:
                    session.prepare(spec.example_arrays(batch_size))
                    session.run()
                session.synchronize()
                stored = session.compiled_kernels()
            with self._started(name, folder, spec, stored) as (_, with_cache):
                pass
        except (EngineError, torch.cuda.OutOfMemoryError) as error:
            built.notes.append(f"no runtime cache, running the engine failed: {error}")
            return
        (folder / RUNTIME_CACHE).write_bytes(stored)
        built.files.append(RUNTIME_CACHE)
        built.notes.append(
            f"runtime cache: {with_cache} with it, {without} without "
            f"(batch size {spec.batch_opt}, CUDA already started)"
        )

    @contextmanager
    def _started(
        self, name: str, folder: Path, spec: EngineSpec, stored: bytes | None
    ) -> Iterator[tuple[TensorRtSession, str]]:
        """A session after one inference, and how long its load and that inference took, in words."""
        started = time.perf_counter()
        session = TensorRtSession(name, folder / PLAN, spec, self.options, stored)
        load_s = time.perf_counter() - started
        try:
            session.prepare(spec.example_arrays(spec.batch_opt))
            session.synchronize()
            started = time.perf_counter()
            session.run()
            session.synchronize()
            first_ms = (time.perf_counter() - started) * 1000
            yield session, f"load {load_s:.2f} s and first inference {first_ms:.1f} ms"
        finally:
            session.close()

    def load(self, folder: Path, files: list[str], spec: EngineSpec, batch_size: int) -> Session:
        """See Backend.load."""
        plan = folder / files[0]
        if spec.device == "cpu":
            raise EngineError(f"{plan} needs an NVIDIA GPU")
        spec.check_batch(batch_size)
        kept = self.options.runtime_cache and RUNTIME_CACHE in files
        stored = (folder / RUNTIME_CACHE).read_bytes() if kept else None
        return TensorRtSession(choose(self.options.library, spec.device), plan, spec, self.options, stored)


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
        else:
            spec.check_fixed_batch(batch, tensor.name, source)
    if dynamic:
        config.add_optimization_profile(profile)
