"""ONNX Runtime's sessions on its CUDA provider: PyTorch tensors as buffers, work on PyTorch's current stream.

Written from ONNX Runtime's documentation and not run yet: onnxruntime-gpu was on no machine that had a GPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bakeoff.backends.base import LayerTimes
from bakeoff.backends.onnxruntime.dtypes import numpy_name
from bakeoff.backends.onnxruntime.session import OnnxRuntimeSession, Open
from bakeoff.backends.shared.arrays import host_array
from bakeoff.backends.shared.cuda_stream import OwnStream
from bakeoff.core.errors import EngineError

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime as ort
    import torch


class CudaOnnxRuntimeSession(OnnxRuntimeSession):
    """An InferenceSession that reads and writes tensors on the device.

    The output tensors are made before the first inference: a CUDA graph writes to the same addresses for ever, and
    copies from the device are timed with them.
    """

    def __init__(self, open: Open, device: str, cuda_graph: bool) -> None:
        """Open the engine on `device`; a CUDA graph is captured by the library itself."""
        import torch

        self._device = torch.device(device)
        self._cuda_graph = cuda_graph
        self._inputs: list[torch.Tensor] = []
        self._results: list[torch.Tensor] = []
        self._stream = OwnStream(device)
        try:
            super().__init__(open)
        except BaseException:
            self._stream.close()
            raise
        self._run_options = _asynchronous()

    def _open(self, profile_prefix: str | None = None) -> ort.InferenceSession:
        cuda = {"user_compute_stream": str(self._stream.handle)}
        if self._cuda_graph and profile_prefix is None:
            cuda["enable_cuda_graph"] = "1"
        return self._open_engine(profile_prefix, cuda)

    def prepare(self, inputs: list[np.ndarray]) -> None:
        """See Session.prepare. Raises EngineError where an output's size is not known before it is run.

        A captured graph belongs to its batch size and addresses, so a second call starts from a new session.
        """
        if self._binding is not None and self._cuda_graph:
            self._session = self._open()
        self._inputs, self._results = [], []
        super().prepare(inputs)

    def _bind(self, session: ort.InferenceSession) -> ort.IOBinding:
        if not self._results:
            self._make_tensors(session)
        binding = session.io_binding()
        for tensor, argument in zip(self._inputs, session.get_inputs(), strict=True):
            binding.bind_input(argument.name, *_place(tensor, argument.type))
        for tensor, result in zip(self._results, session.get_outputs(), strict=True):
            binding.bind_output(result.name, *_place(tensor, result.type))
        return binding

    def _make_tensors(self, session: ort.InferenceSession) -> None:
        import torch

        self._inputs = [torch.from_numpy(array).to(self._device) for array in self._arrays]
        for result in session.get_outputs():
            first, *rest = result.shape
            shape = [len(self._arrays[0]) if not isinstance(first, int) else first, *rest]
            if not all(isinstance(size, int) for size in shape):
                raise EngineError(f"the size of output {result.name!r} {result.shape} is not known before it is run")
            dtype = getattr(torch, numpy_name(result.type))
            self._results.append(torch.empty(shape, dtype=dtype, device=self._device))

    def run(self) -> Any:
        """See Session.run."""
        return self._session.run_with_iobinding(self._binding, self._run_options)

    def synchronize(self) -> None:
        """See Session.synchronize."""
        self._stream.synchronize()

    def outputs(self) -> list[np.ndarray]:
        """See Session.outputs."""
        self.synchronize()
        return [host_array(tensor) for tensor in self._results]

    def device_tensors(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """See Session.device_tensors."""
        return self._inputs, self._results

    def layers(self, runs: int, max_s: float) -> LayerTimes:
        """See Session.layers: not to be had, since the profiler's times of nodes on a GPU are those of launching."""
        raise NotImplementedError

    def close(self) -> None:
        """See Session.close."""
        super().close()
        self._inputs, self._results = [], []
        self._stream.close()


def _asynchronous() -> ort.RunOptions:
    """Options of a run that returns once the work is enqueued; ONNX Runtime waits for the stream otherwise."""
    import onnxruntime as ort

    options = ort.RunOptions()
    options.add_run_config_entry("disable_synchronize_execution_providers", "1")
    return options


def _place(tensor: torch.Tensor, type: str) -> tuple[Any, ...]:
    """Device type and index, element type, shape and address of a tensor, as ONNX Runtime's bindings take them."""
    import numpy as np

    dtype = np.dtype(numpy_name(type))
    return tensor.device.type, tensor.device.index or 0, dtype, tuple(tensor.shape), tensor.data_ptr()
