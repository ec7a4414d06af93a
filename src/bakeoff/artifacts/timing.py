"""timing.json: one round of one target. It holds facts only; what they give cause to warn of is derived later."""

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


class Modes(Part):
    """A fast and a slow part of the latency samples, split where the variance between the two is largest.

    Every round has them, with two speeds or with one; the outer 2 % of the samples on each side are left out. Whether
    they are two modes is judged when results are collected.
    """

    low_ms: float
    """Mean of the fast part."""
    high_ms: float
    """Mean of the slow part."""
    smaller_share: float
    """The smaller part's share of the samples (0 to 0.5)."""
    gap_rel: float
    """Distance of the two means, as a fraction of the median."""
    ashman_d: float | None
    """Ashman's D: the distance of the two means over the root mean square of the two standard deviations; null where
    both parts are constant, so that it is infinite."""


class Throughput(Part):
    """Inferences enqueued back to back; items are single inputs (images), not batches."""

    items_per_s: float
    n: int
    """Inferences (batches) that the figure rests on."""
    segments: list[float] = []
    """Items per second of each part of the pass, as many inferences each, with a wait at its end; what varies within
    the pass. Empty where it was too short to be parted."""


class Transfer(Part):
    """Copies of all inputs to the device and of all outputs back, in milliseconds (medians).

    `h2d_ms` and `d2h_ms` are from and to pinned host memory, the other two from and to pageable memory.
    """

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
    """Seconds that warm-up took."""
    steady: bool
    """Whether the running median had stopped drifting when warm-up ended."""


class Level(Part):
    """How long inferences took in one stretch of a round."""

    median_ms: float
    ci95_ms: tuple[float, float]
    n: int


class Drift(Part):
    """The level of latency in successive stretches of a round. Whether it drifted is judged when results are collected.

    Each is null where the stretch had too few inferences.
    """

    warmup: Level | None = None
    """The second half of the warm-up, by time."""
    first_half: Level | None = None
    """The first half of the latency samples, by time."""
    second_half: Level | None = None
    closing: Level | None = None
    """Inferences one at a time after the throughput pass, which are in no other figure."""


class Memory(Part):
    """Memory of the timing process."""

    device_peak_bytes: int | None
    """What the process took of the device's memory, by the driver's figures, the CUDA context and the weights included;
    null on a CPU, and where the driver does not say."""
    allocator_peak_bytes: int | None = None
    """Peak of PyTorch's own allocator, which knows nothing of what other libraries allocate; null without it."""
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
    cpus: list[int] | None = None
    """The CPUs that the next three are about: those that the process was held on, else all that it may use."""
    steal_cores: float | None = None
    """How much of a CPU the hypervisor took from them during timing: 0.5 is half of one CPU."""
    other_cores: float | None = None
    """How much of a CPU other processes took from them."""
    waited_cores: float | None = None
    """Threads of this process that could have run and had no CPU, on average."""
    cpu_mhz: tuple[float, float] | None = None
    """Mean clock of the cores before and after timing."""
    gpu: dict[str, float | int | str | list[str] | None] | None = None
    """What NVML says: which GPU of the host it is (index, name, uuid), clocks, temperature, power, energy, reasons for
    throttling, other processes. Null for what it does not tell."""


class Disturbed(Part):
    """A measurement that was disturbed and taken again."""

    why: str
    """What disturbed it, in words."""
    latency_ms: Distribution
    telemetry: Telemetry
    samples: str
    """Name of its latencies in the samples file."""


class TimedOutputs(Part):
    """Outputs of the last inference that was timed, against the reference's on the same inputs."""

    relative_l2: float | None = None
    """Null where they cannot be compared."""
    wrong: str | None = None
    """Why they cannot be compared, in words, for example NaN or another shape."""


class TimingRecord(Record):
    """One round: a fresh process loaded the engine and timed it."""

    schema_: Literal["bakeoff/timing/1"] = schema_field("bakeoff/timing/1")
    device: str | None = None
    """`cpu` or `cuda:<index>`: the one that it ran on."""
    begun: str | None = None
    """When this round began to be measured (UTC, ISO 8601); null in records made before this was stored."""
    session: str | None = None
    """The stretch of measuring that the round belongs to: one run on one machine. Rounds of two targets are paired only
    where number and session are the same; null in records made before this was stored, which are never paired."""
    order: int | None = None
    """The target's place in the order in which its round was measured, which is drawn anew for each round."""
    threads: int | None = None
    pinned_cpus: list[int] | None = None
    """CPUs that the process was held on while it was timed; null where it was not."""
    not_pinned: str | None = None
    """Why it was not held on any, in words."""
    latency_ms: Distribution | None = None
    """One inference at a time, host clock, synchronised."""
    device_ms: Distribution | None = None
    """Inferences by the device's own events, in a pass of its own in which the device never waits for the host; null
    on a CPU."""
    modes: Modes | None = None
    """The latency samples split into two parts; null in records made before this was stored (there it is computed from
    the samples when results are collected)."""
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
    drift: Drift | None = None
    disturbed: list[Disturbed] = []
    """Measurements of this round that were disturbed and taken again; the figures are those of the last one, or of the
    least disturbed where all were."""
    telemetry: Telemetry | None = None
    warnings: list[str] | None = None
    """Null in timing.json, which holds facts only. Warning codes are derived from them when results are collected: they
    stand in collected.json, and those of all rounds together in results.csv. Codes in a timing.json of an older version
    are not used."""
    samples: str | None = None
    """Path of the raw samples (.npz, float64: warmup_ms, latency_ms, closing_ms, device_ms, and the latencies of
    disturbed measurements)."""
    samples_digest: str | None = None
    """SHA-256 of the samples file."""
