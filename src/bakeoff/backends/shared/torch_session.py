"""Sessions and precisions that every backend running inside PyTorch shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bakeoff.backends.base import EngineSpec, InputInfo, LayerTimes, Request, Session, check_input_count
from bakeoff.backends.options import CudaGraphOptions
from bakeoff.backends.shared.arrays import host_array
from bakeoff.backends.shared.cuda_stream import captured
from bakeoff.backends.shared.refusals import NO_TF32_ON_CPU, needs_ampere, no_such_gpu
from bakeoff.core.precision import DTYPES, Precision
from bakeoff.core.torch_private import import_what_the_profiler_imports

if TYPE_CHECKING:
    import numpy as np
    import torch

_WARM_UP_RUNS = 3
"""Inferences before a capture. In their first calls libraries choose algorithms and allocate memory, neither of which a
graph can capture."""


class TorchOptions(CudaGraphOptions):
    """Options of every backend that runs inside PyTorch."""

    channels_last: bool = False
    """Keep images and convolution weights in NHWC memory order."""


def torch_precision_refusal(request: Request) -> str | None:
    """Why PyTorch cannot compute in this precision on this device; None when it can."""
    precision = request.precision
    if precision in ("int8", "fp8"):
        return f"{precision} needs a quantized engine; PyTorch runs the model as it is"
    if request.device == "cpu":
        flags = request.machine.cpu_flags
        if precision == "tf32":
            return NO_TF32_ON_CPU
        if precision == "bf16" and not flags & {"avx512_bf16", "amx_bf16", "bf16"}:
            return "this processor has no bf16 instructions, PyTorch would emulate them"
        if precision == "fp16" and not flags & {"avx512_fp16", "amx_fp16", "asimdhp", "fphp"}:
            return "this processor has no fp16 instructions, PyTorch would emulate them"
        return None
    gpu = request.machine.gpu(request.device)
    return needs_ampere(precision, gpu) if gpu else no_such_gpu(request)


def torch_dtype(precision: Precision) -> torch.dtype:
    """The element type that weights and floating inputs have at this precision: float32 for quantized engines, too."""
    import torch

    dtype: torch.dtype = getattr(torch, DTYPES[precision if precision in ("fp16", "bf16") else "fp32"][0])
    return dtype


def input_dtype(info: InputInfo, precision: Precision) -> torch.dtype:
    """The element type of an input at this precision; integers and booleans keep their own."""
    import torch

    own: torch.dtype = getattr(torch, info.dtype)
    return torch_dtype(precision) if own.is_floating_point else own


def configure_torch(spec: EngineSpec) -> None:
    """Set threads, TF32 and the current GPU for this process: fp32 means TF32 off everywhere, tf32 on everywhere."""
    import torch

    torch.set_num_threads(spec.threads)
    tf32 = spec.precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    if spec.device != "cpu":
        torch.cuda.set_device(spec.device)


def import_torch_profiler() -> None:
    """Import what torch.profiler needs when it starts, which takes seconds."""
    import torch.profiler  # noqa: F401

    import_what_the_profiler_imports()


def in_memory_order(tensors: Iterable[torch.Tensor], channels_last: bool) -> list[torch.Tensor]:
    """The tensors, images (four dimensions) among them in NHWC order where `channels_last`, else as they are."""
    import torch

    return [t.to(memory_format=torch.channels_last) if channels_last and t.ndim == 4 else t for t in tensors]


class TorchSession(Session):
    """A callable module on a device, called operator by operator or replayed as a CUDA graph.

    All work goes to PyTorch's current stream of the device, where the clock records its events.
    """

    def __init__(self, module: Any, spec: EngineSpec, channels_last: bool = False, cuda_graph: bool = False) -> None:
        import torch

        self.module = module
        self.spec = spec
        self.channels_last = channels_last
        self.cuda_graph = cuda_graph
        self._mode: Callable[[], Any] = torch.inference_mode
        """Entered for every inference; no_grad for a model that computes gradients inside forward()."""
        self._called = False
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: list[torch.Tensor] = []
        self._output: Any = None

    def prepare(self, inputs: list[np.ndarray]) -> None:
        """See Session.prepare."""
        import torch

        check_input_count(len(self.spec.inputs), len(inputs))
        dtype = torch_dtype(self.spec.precision)
        tensors = [torch.from_numpy(array).to(self.spec.device) for array in inputs]
        tensors = [tensor.to(dtype) if tensor.is_floating_point() else tensor for tensor in tensors]
        self._inputs = in_memory_order(tensors, self.channels_last)
        self._graph, self._output = None, None
        if self.spec.device != "cpu":
            torch.cuda.reset_peak_memory_stats(self.spec.device)

    def run(self) -> Any:
        """See Session.run. With a CUDA graph the first run after prepare() warms up and captures, then replays."""
        if not self.cuda_graph:
            self._output = self._forward()
            return self._output
        if self._graph is None:
            self._graph = self._capture()
        self._graph.replay()
        return self._output

    def _forward(self) -> Any:
        if not self._called:
            self._called = True
            return self._first_call()
        with self._mode():
            return self.module(*self._inputs)

    def _first_call(self) -> Any:
        import torch

        try:
            with self._mode():
                return self.module(*self._inputs)
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception:
            with suppress(Exception), torch.no_grad():
                output = self.module(*self._inputs)
                self._mode = torch.no_grad
                return output
            raise

    def _capture(self) -> torch.cuda.CUDAGraph:
        """One inference as a CUDA graph that reads the prepared inputs and always writes the same output tensors.

        Warm-up and capture share a side stream, since the default stream cannot be captured (the procedure of
        PyTorch's documentation, CUDA semantics, CUDA Graphs). Raises EngineError where the inference cannot be
        captured, for example because it waits for the device.
        """
        import torch

        current = torch.cuda.current_stream(self.spec.device)
        side = torch.cuda.Stream(self.spec.device)
        side.wait_stream(current)
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP_RUNS):
                self._forward()
        current.wait_stream(side)

        def forward() -> None:
            self._output = self._forward()

        return captured(forward, side)

    def synchronize(self) -> None:
        """See Session.synchronize."""
        if self.spec.device != "cpu":
            import torch

            torch.cuda.synchronize(self.spec.device)

    def outputs(self) -> list[np.ndarray]:
        """See Session.outputs."""
        from bakeoff.models.outputs import flatten

        self.synchronize()
        return [host_array(tensor) for _, tensor in flatten(self._output)]

    def layers(self, runs: int, max_s: float) -> LayerTimes:
        """See Session.layers. A CUDA graph is one event to the profiler, so its operators are profiled one by one."""
        from bakeoff.profiling.torch_profile import profile_torch

        times = profile_torch(self.module, self._forward, self.synchronize, self.spec.device, runs, max_s)
        if self.cuda_graph:
            times.notes.append("profiled without the CUDA graph, operator by operator")
        return times

    def device_tensors(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """See Session.device_tensors."""
        from bakeoff.models.outputs import flatten

        if self.spec.device == "cpu":
            return [], []
        return list(self._inputs), [tensor.detach() for _, tensor in flatten(self._output)]

    def allocator_peak_bytes(self) -> int | None:
        """See Session.allocator_peak_bytes."""
        if self.spec.device == "cpu":
            return None
        import torch

        return int(torch.cuda.max_memory_allocated(self.spec.device))

    def close(self) -> None:
        """See Session.close."""
        self._graph, self._output, self._inputs = None, None, []
