"""An engine that runs: an execution context, its stream, its buffers, and its CUDA graph."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.backends.base import EngineSpec, LayerTimes, Session, check_input_count
from bakeoff.backends.shared.arrays import host_array
from bakeoff.backends.shared.cuda_stream import OwnStream, captured
from bakeoff.backends.tensorrt import info as trt_info
from bakeoff.backends.tensorrt.library import Contexts, deserialize, dtype_name, library, logger
from bakeoff.backends.tensorrt.options import TensorRtOptions
from bakeoff.core.errors import EngineError

if TYPE_CHECKING:
    import numpy as np
    import torch

_WARM_UP_RUNS = 3


class TensorRtSession(Session):
    """An execution context on a stream of its own, with PyTorch tensors as its buffers."""

    def __init__(
        self, name: str, plan: Path, spec: EngineSpec, options: TensorRtOptions, stored: bytes | None = None
    ) -> None:
        """Load a plan; `stored` are the kernels that an earlier process compiled for it."""
        import torch

        self._name = name
        self._options = options
        self._device = torch.device(spec.device)
        info = trt_info.read(plan.parent)
        self._inputs: list[str] = info["inputs"]
        self._outputs: list[str] = info["outputs"]
        self._buffers: dict[str, torch.Tensor] = {}
        self._graph: torch.cuda.CUDAGraph | None = None
        self._stream = OwnStream(spec.device)
        try:
            self._engine = deserialize(name, plan.read_bytes(), str(plan))
            self._contexts = Contexts(name, self._engine, options.kernel_specialization, options.runtime_cache, stored)
            itself = captures_itself(self._contexts, options)
            self._context = self._contexts.create(itself)
        except BaseException:
            self._stream.close()
            raise
        self._capture_here = options.cuda_graph and not itself

    def prepare(self, inputs: list[np.ndarray]) -> None:
        """See Session.prepare."""
        import torch

        check_input_count(len(self._inputs), len(inputs))
        self._graph = None
        self._buffers = {
            name: torch.from_numpy(array).to(device=self._device, dtype=self._torch_dtype(name)).contiguous()
            for name, array in zip(self._inputs, inputs, strict=True)
        }
        self._bind(self._context)

    def run(self) -> Any:
        """See Session.run. With a CUDA graph the first run after prepare() captures, and later ones replay.

        tensorrt_rtx can do so itself; else it is done here, as the documentation of tensorrt has it.
        """
        if not self._capture_here:
            self._enqueue(self._context)
            return None
        if self._graph is None:
            self._graph = self._capture()
        self._graph.replay()
        return None

    def _enqueue(self, context: Any) -> None:
        if not context.execute_async_v3(self._stream.handle):
            raise EngineError(f"{self._name} could not run the engine: {' '.join(logger(self._name).errors)}")

    def _capture(self) -> torch.cuda.CUDAGraph:
        """One inference as a CUDA graph, after runs in which the library does what it does only once for a shape."""
        for _ in range(_WARM_UP_RUNS):
            self._enqueue(self._context)
        self._stream.synchronize()
        return captured(lambda: self._enqueue(self._context), self._stream.stream)

    def synchronize(self) -> None:
        """See Session.synchronize."""
        self._stream.synchronize()

    def outputs(self) -> list[np.ndarray]:
        """See Session.outputs."""
        self.synchronize()
        return [host_array(self._buffers[name]) for name in self._outputs]

    def layers(self, runs: int, max_s: float) -> LayerTimes:
        """See Session.layers: times of TensorRT's IProfiler in a second context, facts of the engine inspector.

        The second context captures no CUDA graph: a graph is one piece to the profiler.
        """
        from bakeoff.backends.tensorrt.layer_times import join
        from bakeoff.profiling.layers import summarise

        trt = library(self._name)

        class Profiler(trt.IProfiler):  # type: ignore[name-defined]
            def __init__(self) -> None:
                trt.IProfiler.__init__(self)
                self.times: list[tuple[str, float]] = []

            def report_layer_time(self, layer_name: str, ms: float) -> None:
                self.times.append((layer_name, ms))

        profiler = Profiler()
        context = self._contexts.create()
        context.profiler = profiler
        self._bind(context)

        def once() -> tuple[list[tuple[str, float]], float]:
            profiler.times = []
            before = time.perf_counter()
            self._enqueue(context)
            self.synchronize()
            return profiler.times, (time.perf_counter() - before) * 1000

        for _ in range(_WARM_UP_RUNS):
            once()
        profiled = []
        started = time.perf_counter()
        for _ in range(runs):
            profiled.append(once())
            if time.perf_counter() - started > max_s:
                break
        notes = ["profiled without the CUDA graph, layer by layer"] if self._options.cuda_graph else []
        known = []
        try:
            known = trt_info.layers(trt_info.inspect(self._engine, trt, {}, context))
        except EngineError as error:
            notes.append(str(error))
        batch_size = self._buffers[self._inputs[0]].shape[0]
        layers, more = join([times for times, _ in profiled], trt_info.at_batch(known, batch_size))
        return LayerTimes(summarise(layers), len(profiled), notes + more, statistics.median(ms for _, ms in profiled))

    def device_tensors(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """See Session.device_tensors."""
        return [self._buffers[name] for name in self._inputs], [self._buffers[name] for name in self._outputs]

    def compiled_kernels(self) -> bytes:
        """The kernels that were compiled so far, for later processes. Raises EngineError where none are kept."""
        return self._contexts.serialize()

    def close(self) -> None:
        """See Session.close."""
        self._graph, self._buffers = None, {}
        del self._context, self._contexts, self._engine
        self._stream.close()

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


def captures_itself(contexts: Contexts, options: TensorRtOptions) -> bool:
    """Whether a CUDA graph is asked for and the library captures it."""
    return options.cuda_graph and options.graph_capture == "library" and contexts.captures_graphs
