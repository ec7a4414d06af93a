"""CUDA streams and graphs: a stream of a session's own, for backends that enqueue their work on a stream they are
given, and the capture of an inference in a CUDA graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bakeoff.core.errors import EngineError
from bakeoff.core.quoting import essential_line

if TYPE_CHECKING:
    import torch


class OwnStream:
    """A new stream, PyTorch's current one until `close`: the engine's work, the clock's events and copies share it.

    Not the default stream: TensorRT synchronises the whole device when it is given that one (its documentation of
    `enqueueV3`), ONNX Runtime takes its handle (0) for none at all, and nothing can be captured on it.
    """

    def __init__(self, device: str) -> None:
        import torch

        torch.cuda.set_device(device)
        self._earlier = torch.cuda.current_stream(device)
        self.stream = torch.cuda.Stream(device)
        self.stream.wait_stream(self._earlier)
        torch.cuda.set_stream(self.stream)
        self.handle: int = self.stream.cuda_stream
        """The stream's address, as other libraries take it."""

    def synchronize(self) -> None:
        """Wait until all work enqueued so far is done."""
        self.stream.synchronize()

    def close(self) -> None:
        """Make the earlier stream current again, unless another one is by now."""
        import torch

        if torch.cuda.current_stream(self.stream.device) == self.stream:
            torch.cuda.set_stream(self._earlier)


def captured(enqueue: Callable[[], None], stream: torch.cuda.Stream) -> torch.cuda.CUDAGraph:
    """What `enqueue` puts on the stream, as a CUDA graph. The stream must not be the default one.

    Raises EngineError where the work cannot be captured, for example because it waits for the device.
    """
    import torch

    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph, stream=stream):
            enqueue()
    except torch.cuda.OutOfMemoryError:
        raise
    except RuntimeError as error:
        # Leaving the context of a capture that failed raises a second error, which hides the one that made it fail.
        first = error.__context__ if isinstance(error.__context__, RuntimeError) else error
        raise EngineError(
            f"the inference cannot be captured in a CUDA graph; cuda_graph: false: {essential_line(first)}"
        ) from error
    return graph
