"""profile.json: the layers of one target, in one schema for all backends."""

from typing import Literal

from bakeoff.artifacts.base import Part, Record, schema_field


class LayerTime(Part):
    """Time of one layer over the profiled runs, in milliseconds."""

    median: float
    mean: float
    min: float
    max: float
    p90: float | None
    """Null where there are fewer than 10 runs."""


class Layer(Part):
    """One layer as the engine executes it."""

    name: str
    type: str
    """Operator type, in the backend's words (`Conv`, `aten::conv2d`, `Convolution`)."""
    input_shapes: list[list[int]] = []
    output_shapes: list[list[int]] = []
    dtype: str | None = None
    """Dtype it computes in, where the backend says: float32, float16, bfloat16, int8, ..."""
    fused: list[str] = []
    """Source layers fused into this one."""
    kernel: str | None = None
    """Implementation chosen, where the backend says (`jit_avx512`, a CUDA kernel)."""
    time_ms: LayerTime
    share: float
    """Its median's share of the sum of the layers' medians (0 to 1)."""


class ProfileRecord(Record):
    """Layer times, measured on their own: profiling slows inference, so latency comes from timing.json."""

    schema_: Literal["bakeoff/profile/1"] = schema_field("bakeoff/profile/1")
    device: str | None = None
    runs: int | None = None
    layers: list[Layer] = []
    """In the order of execution."""
    layer_sum_ms: float | None = None
    """Sum of the layers' medians."""
    profiled_latency_ms: float | None = None
    """Median of the whole inference with the profiler on."""
    notes: list[str] = []
    trace: str | None = None
    """Path of trace.json (Chrome trace events, opens in Perfetto)."""
