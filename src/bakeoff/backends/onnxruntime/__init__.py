"""ONNX Runtime, on its CPU or CUDA provider."""

from bakeoff.backends.onnxruntime.backend import OnnxRuntime

__all__ = ["OnnxRuntime"]
