"""timing.json: one round of one target."""

from typing import Literal

from bakeoff.artifacts.base import Part, Record, schema_field


class Distribution(Part):
    """Summary of a sample of durations, in milliseconds."""

    median: float
    mean: float
    std: float
    min: float
    max: float
    p90: float | None
    """Null unless n >= 100."""
    p95: float | None
    """Null unless n >= 200."""
    p99: float | None
    """Null unless n >= 1000."""
    ci95: tuple[float, float]
    """95 % confidence interval of the median, autocorrelation-aware."""
    n: int


class Throughput(Part):
    """Work enqueued back to back; items are single inputs (images), not batches."""

    items_per_s: float
    n: int
    """Inferences (batches) that the figure rests on."""


class Transfer(Part):
    """Copies of all inputs to the device and of all outputs back, in milliseconds (medians)."""

    h2d_ms: float
    d2h_ms: float
    pageable_h2d_ms: float | None = None
    pageable_d2h_ms: float | None = None


class Cold(Part):
    """What the first inference in a fresh process costs."""

    load_s: float
    """From the engine file to a session that can run, the library's import not counted."""
    first_ms: float
    """The first inference."""
    import_s: float | None = None
    """Import of the backend's library in this process."""


class WarmUp(Part):
    """Inferences before timing; their samples are kept."""

    n: int
    s: float
    steady: bool


class Memory(Part):
    """Memory of the timing process."""

    device_peak_bytes: int | None
    host_rss_bytes: int
    """Peak resident set of the process."""


class Telemetry(Part):
    """State of the machine around the timed region, never sampled inside it."""

    load_1min: float | None = None
    """Load average before timing."""
    steal_share: float | None = None
    """Share of CPU time that the hypervisor took away during timing."""
    other_cpu_share: float | None = None
    """Share of the machine's CPU time that other processes used during timing."""
    cpu_mhz: tuple[float, float] | None = None
    """Mean clock of the cores before and after timing."""
    gpu: dict[str, float | int | str | list[str] | None] | None = None
    """NVML: which GPU of the host (index, name, uuid); clocks, temperature, power, energy, throttle reasons, other
    processes. Null for what it does not tell."""


class TimedOutputs(Part):
    """Outputs of the last inference that was timed, against the reference's on the same inputs."""

    relative_l2: float | None = None
    """Null where they cannot be compared."""
    wrong: str | None = None
    """Why not, in words: NaN, another shape."""


class TimingRecord(Record):
    """One round: a fresh process loaded the engine and timed it."""

    schema_: Literal["bakeoff/timing/1"] = schema_field("bakeoff/timing/1")
    device: str | None = None
    """`cpu` or `cuda:<index>`."""
    threads: int | None = None
    latency_ms: Distribution | None = None
    """One inference at a time, host clock, synchronised."""
    device_ms: Distribution | None = None
    """Inferences by the device's own events, in a pass of its own in which the device never waits for the host; null
    on a CPU."""
    throughput: Throughput | None = None
    dispatch_ms: float | None = None
    """Median time until the call returns, not synchronised; null on a CPU, where it is the latency."""
    transfer: Transfer | None = None
    """Null on a CPU, where nothing is copied."""
    cold: Cold | None = None
    warmup: WarmUp | None = None
    converged: bool | None = None
    """Whether the confidence interval of the median came within timing.ci_rel before timing.max_s."""
    memory: Memory | None = None
    outputs: TimedOutputs | None = None
    telemetry: Telemetry | None = None
    warnings: list[str] = []
    """Codes of `bakeoff.collect.warnings.WARNINGS`."""
    samples: str | None = None
    """Path of the raw samples (.npz: warmup_ms, latency_ms, device_ms; float64)."""
    samples_digest: str | None = None
    """SHA-256 of the samples file."""
