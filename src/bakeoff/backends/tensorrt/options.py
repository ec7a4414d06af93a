"""Options of the backend `tensorrt`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bakeoff.backends.options import CudaGraphOptions
from bakeoff.backends.tensorrt.library import Specialization
from bakeoff.quantization.static_onnx import Method


class TensorRtOptions(CudaGraphOptions):
    """TensorRT: an engine built from the exported ONNX graph."""

    kind: Literal["tensorrt"] = "tensorrt"
    library: Literal["auto", "tensorrt", "tensorrt_rtx"] = "auto"
    """`tensorrt` (10 or later, builds on the GPU), `tensorrt_rtx` (builds without a GPU too), or `auto`:
    tensorrt on a GPU where it is installed, else tensorrt_rtx."""
    optimization_level: Annotated[int, Field(ge=0, le=5)] | None = None
    """Effort of the builder, 0 to 5; the library's own default (3) when left out."""
    workspace_bytes: Annotated[int, Field(ge=1)] | None = None
    """Most device memory that one layer may use for scratch; all of the device's when left out."""
    engines: str | None = None
    """Results folder (`results/<study>`) of a study that built the engines elsewhere, on a machine without a GPU for
    example: they are checked and copied, not built. Its labels of models and backends must be the same."""
    runtime_cache: bool = True
    """tensorrt_rtx: compile the kernels once, at build time on the GPU, and keep them beside the engine. Without, each
    process compiles them when it loads the engine and at its first inference."""
    graph_capture: Literal["library", "bakeoff"] = "library"
    """Who captures the CUDA graph: the library itself where it can (tensorrt_rtx), or Bakeoff around a whole inference,
    as for all other backends."""
    kernel_specialization: Specialization = "eager"
    """tensorrt_rtx, dynamic batch: compile kernels for a batch size before its first inference (`eager`), in the
    background while slower ones run (`lazy`, the library's default), or never (`none`)."""
    warm_build: bool = False
    """tensorrt: build a second time with the timing cache of the first, for warm_build_s."""
    calibration: Method = "minmax"
    """int8: ranges of activations are the extremes seen (`minmax`), those that lose least information (`entropy`) or a
    quantile of magnitudes (`percentile`)."""
    percentile: Annotated[float, Field(ge=50, le=100)] = 99.99
    """int8: the quantile, in percent, of calibration `percentile`."""
    per_channel: bool = True
    """int8: a scale for each output channel of a weight, instead of one for the whole."""
