"""The precisions a target can be asked for, and what each one means."""

from typing import Literal, get_args

Precision = Literal["fp32", "tf32", "fp16", "bf16", "int8", "fp8"]

PRECISIONS: tuple[Precision, ...] = get_args(Precision)

CALIBRATED: tuple[Precision, ...] = ("int8", "fp8")
"""Precisions made by post-training quantization, whose builds rest on a calibration set."""

DTYPES: dict[Precision, tuple[str, ...]] = {
    "fp32": ("float32",),
    "tf32": ("float32", "tf32"),
    "fp16": ("float16",),
    "bf16": ("bfloat16",),
    "int8": ("int8", "uint8"),
    "fp8": ("float8_e4m3fn", "float8_e5m2"),
}
"""Element types that an engine of each precision computes in, the usual one first, as numpy and PyTorch name them."""

MEANING: dict[Precision, str] = {
    "fp32": "IEEE single precision, TF32 off everywhere",
    "tf32": "fp32 storage, matrix products and convolutions in TF32 (NVIDIA, compute capability 8.0 and later)",
    "fp16": "IEEE half precision",
    "bf16": "bfloat16",
    "int8": "8-bit integers by post-training quantization with a recorded calibration set",
    "fp8": "8-bit floats (E4M3) by post-training quantization with a recorded calibration set",
}
