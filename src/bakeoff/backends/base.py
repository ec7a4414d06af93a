"""The protocol between Bakeoff and a backend kind.

A backend answers questions about itself without importing its library (planning imports nothing heavy),
and with its library it builds engines and loads them into sessions. A backend never times itself:
`bakeoff.measure` runs one loop over every session.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bakeoff.backends.options import BackendOptions
from bakeoff.core.errors import BuildError, EngineError
from bakeoff.core.precision import Precision
from bakeoff.exports import cannot_export
from bakeoff.profiling.layers import LayerTimes

if TYPE_CHECKING:
    import numpy as np
    import torch

    from bakeoff.artifacts.build import Partition
    from bakeoff.core.machine import Machine


@dataclass(frozen=True)
class ExportKey:
    """Which export a backend reads."""

    format: str
    """A name from `bakeoff.exports.FORMATS`, or `eager`: the reference's own weights, nothing exported."""
    precision: Precision
    """Precision of the exported graph (an fp16 target of a backend that casts by itself reads fp32)."""


@dataclass(frozen=True)
class Request:
    """What a backend must know of a target to say whether it can be built or run."""

    precision: Precision
    device: str
    """`cpu` or `cuda:<index>`."""
    source: str
    """The model's source in the config, a name from `bakeoff.models.sources.SOURCES`."""
    machine: Machine


@dataclass(frozen=True)
class EngineSpec:
    """Everything about one engine that is not in the export."""

    precision: Precision
    device: str
    """`cpu` or `cuda:<index>`."""
    threads: int
    """CPU threads to use."""
    batch_min: int
    batch_opt: int
    batch_max: int
    """Optimization profile; all three equal for an engine of fixed batch size."""
    inputs: list[InputInfo]
    """The model's inputs in the order of forward()."""
    calibration: Path | None = None
    """Folder of the calibration set, for builds of quantized engines alone."""
    examples: Path | None = None
    """The model's check inputs (.npz), to run an engine on while it is built or inspected; None: zeros."""
    kernel_timing_turn: Callable[[], AbstractContextManager[None]] = field(default=nullcontext, compare=False)
    """Gives the context in which a build times kernels on a GPU, while no other build times any there. A thread that
    is in such a context may enter another. Other builds wait for its end, so a build leaves it between timings."""

    @property
    def dynamic(self) -> bool:
        """Whether the engine serves several batch sizes."""
        return self.batch_min != self.batch_max

    def check_batch(self, batch_size: int) -> None:
        """Raise EngineError where the engine was not built for this batch size."""
        if not self.batch_min <= batch_size <= self.batch_max:
            raise EngineError(
                f"the engine was built for batch sizes {self.batch_min} to {self.batch_max}, not for {batch_size}"
            )

    def check_fixed_batch(self, size: int, name: str, source: Path) -> None:
        """Raise BuildError where an export is fixed to one batch size, and the engine is not for that size alone.

        Args:
            size: The batch size that the export is fixed to.
            name: The input of the export that is fixed to it.
            source: The export's file.
        """
        if not size == self.batch_min == self.batch_max:
            raise BuildError(
                f"{source} has a fixed batch size of {size} at input {name!r}; batch sizes {self.batch_min} to "
                f"{self.batch_max} are asked for: export it with a dynamic batch dimension"
            )

    def example_arrays(self, batch_size: int) -> list[np.ndarray]:
        """One batch of each input, in the model's own element types: of its check inputs, else of zeros.

        Zeros may lie outside of what a model takes: a length of 0, a logarithm of 0.
        """
        import numpy as np

        if self.examples is not None:
            with np.load(self.examples) as arrays:
                return [np.resize(arrays[i.name], (batch_size, *i.shape)) for i in self.inputs]
        return [np.zeros((batch_size, *info.shape), dtype=info.dtype) for info in self.inputs]


@dataclass(frozen=True)
class InputInfo:
    """Name, shape without batch, and element type (`float32`, `int64`, ...) of one input."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass
class Built:
    """What a build left behind, for the build record."""

    files: list[str]
    """Names of the engine's files in the output folder, the one to load first."""
    layer_dtypes: dict[str, int] = field(default_factory=dict)
    """Number of layers by the dtype they compute in, as the built engine says; empty where it cannot say."""
    fallback: list[str] = field(default_factory=list)
    """Operators that another provider or PyTorch runs, in words."""
    holds_precision: bool | None = None
    """Whether the engine computes in the precision asked for; None where the engine cannot say."""
    notes: list[str] = field(default_factory=list)
    """What a reader of the report should know about this engine."""
    partition: Partition | None = None
    """How the graph was cut into engines and what PyTorch runs; None for a backend that does not cut."""
    build_s: float | None = None
    """Seconds that the build took, of an engine that was built elsewhere; None for one that was built now."""
    warm_build_s: float | None = None
    """Seconds that a second build took with the caches of the first; None where it was not asked for."""
    calibration_method: str | None = None
    """How a quantized engine's ranges were chosen, and its scheme, in words."""


def check_input_count(taken: int, given: int) -> None:
    """Raise EngineError where a session is given another number of inputs than its engine takes."""
    if given != taken:
        raise EngineError(f"the engine takes {taken} inputs, {given} were given")


class Session(ABC):
    """A loaded engine, for one batch size. Used from one thread; `close` ends it."""

    @abstractmethod
    def prepare(self, inputs: list[np.ndarray]) -> None:
        """Put the inputs (batch first, in the order of forward()) on the device; run() uses them.

        Floating inputs arrive as float32 and are cast here to what the engine takes.
        """

    @abstractmethod
    def run(self) -> Any:
        """One inference on the prepared inputs. On a GPU it may return before the work is done."""

    def synchronize(self) -> None:
        """Wait until all work of run() is done. Nothing to do on a CPU."""

    @abstractmethod
    def outputs(self) -> list[np.ndarray]:
        """Outputs of the last run() as arrays (floating ones as float32), in the model's own flat order."""

    def layers(self, runs: int, max_s: float) -> LayerTimes:
        """Profile up to `runs` inferences, or as many as fit into `max_s` seconds (at least one).

        Raises NotImplementedError where the backend has no profiler.
        """
        raise NotImplementedError

    def device_tensors(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """On a GPU: the inputs as run() reads them and the outputs of the last run(), where they lie on the device.

        Transfers to and from the device are timed with them. ([], []) on a CPU, and for a session whose memory cannot
        be seen as tensors.
        """
        return [], []

    def allocator_peak_bytes(self) -> int | None:
        """Peak of PyTorch's allocator on the device; None on a CPU, and for a session that does not use it."""
        return None

    def close(self) -> None:
        """Release the engine."""


class Backend(ABC):
    """A backend kind with its options."""

    kind: ClassVar[str]
    summary: ClassVar[str]
    """What it is, in one line, for the documentation and the report."""
    rank: ClassVar[int] = 100
    """Order in reports."""
    Options: ClassVar[type[BackendOptions]]
    quantization_options: ClassVar[frozenset[str]] = frozenset()
    """Options that only the builds of quantized engines (int8, fp8) see: a change makes no other engine stale."""
    compiles_cpp: ClassVar[bool] = False
    """Whether a build calls the C++ compiler, so that another compiler makes its engines stale."""

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def export_key(self, precision: Precision) -> ExportKey:
        """The export this backend reads for a target of this precision."""

    @abstractmethod
    def distributions(self) -> tuple[str, ...]:
        """Names of the Python distributions whose versions its engines and timings depend on.

        Those not installed are left out of the record, so a backend may name alternatives.
        """

    def quantizer_distributions(self) -> tuple[str, ...]:
        """Names of the further distributions that quantized engines depend on."""
        return ()

    def running_options(self, device: str) -> frozenset[str]:
        """Names of the options about loading and running alone, which builds are not told: a change rebuilds no engine.

        Args:
            device: `cpu` or `cuda:<index>`.
        """
        return frozenset()

    @abstractmethod
    def cannot_build(self, request: Request) -> str | None:
        """Why this target cannot be built here, in words a user understands; None when it can."""

    def cannot_make(self, request: Request) -> str | None:
        """Why there can be no engine: what `cannot_build` says, or that the model cannot be exported as it reads it."""
        return self.cannot_build(request) or cannot_export(self.export_key(request.precision).format, request.source)

    def cannot_run(self, request: Request) -> str | None:
        """Why an engine of this target cannot be run here although it can be built here; None when it can."""
        return None

    def build_length(self) -> int:
        """About how long a build takes: 0 for seconds, 1 for about a minute, 2 for several minutes.

        Long builds are begun first, so that at the end of a run nothing waits for one that was begun last.
        """
        return 0

    def times_kernels(self, device: str) -> bool:
        """Whether a build for this device chooses among kernels by timing them.

        On a CPU such a build has all cores; on a GPU it enters `EngineSpec.kernel_timing_turn` while it times them.
        """
        return False

    def timing_kernels(self, spec: EngineSpec) -> AbstractContextManager[None]:
        """The context of a whole build by a library that may time kernels at any moment of it.

        It is a turn at timing kernels where `times_kernels`, else nothing.
        """
        return spec.kernel_timing_turn() if self.times_kernels(spec.device) else nullcontext()

    def import_library(self) -> None:
        """Import what `load` needs, so that the time of importing can be told from the time of loading.

        This is done while another target is measured, so it must not use the GPU: CUDA may be initialised by it, but no
        context may be made on the device.
        """

    def import_profiler(self) -> None:
        """Import what profiling a session needs besides, before the process has its GPU to itself."""

    def import_quantizer(self) -> None:
        """Import what quantizes, so that the time of importing is not counted as time of building."""

    @abstractmethod
    def build(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        """Build an engine from the export's folder into the empty folder `out`.

        Raises BuildError with the library's own reason where it refuses.
        """

    def adopt(self, engine: Path, export: Path, spec: EngineSpec, out: Path) -> Built:
        """Copy an engine of the same target that was built elsewhere into the empty folder `out`, instead of building.

        Args:
            engine: Folder of that engine, with its build.json.
            export: The export that it would be built from here.
            spec: What is asked for.
            out: An empty folder.

        Raises BuildError where it is not the engine asked for.
        """
        raise BuildError(f"{self.kind} takes no engines that were built elsewhere")

    def inspect(self, folder: Path, built: Built, spec: EngineSpec) -> None:
        """Fill in what only the finished engine in `folder` can say of itself: dtypes, fallback, notes.

        Called once after build() and not counted in build_s, so it may load the engine and run it.
        """

    @abstractmethod
    def load(self, folder: Path, files: list[str], spec: EngineSpec, batch_size: int) -> Session:
        """Load the engine `files` of `folder` for one batch size. Raises EngineError where it cannot."""
