"""Torch-TensorRT: TensorRT engines inside a PyTorch graph."""

from bakeoff.backends.torch_tensorrt.backend import TorchTensorRt

__all__ = ["TorchTensorRt"]
