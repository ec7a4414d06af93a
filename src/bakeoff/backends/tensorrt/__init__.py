"""TensorRT, from ONNX, through `tensorrt` or `tensorrt_rtx`."""

from bakeoff.backends.tensorrt.backend import TensorRt

__all__ = ["TensorRt"]
