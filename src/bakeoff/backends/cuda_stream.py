"""A CUDA stream of a session's own, for backends that enqueue their work on a stream they are given."""

from __future__ import annotations


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
