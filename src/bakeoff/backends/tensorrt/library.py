"""Which TensorRT is used: `tensorrt` (10 or later) or `tensorrt_rtx`, and in what they and their versions differ.

`tensorrt` times kernels while it builds (a timing cache remembers the times). `tensorrt_rtx` compiles kernels for the
GPU at hand when an engine is run: it has a runtime cache of compiled kernels, a strategy for dynamic shapes, and CUDA
graphs of its own. Whether a version has such a feature is found out by looking for the attribute that offers it, never
by comparing version numbers. Choosing between the two imports neither.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from typing import Any, Literal

from bakeoff.core.distributions import version_of
from bakeoff.core.errors import BuildError, EngineError

Choice = Literal["auto", "tensorrt", "tensorrt_rtx"]
Specialization = Literal["eager", "lazy", "none"]

_DISTRIBUTIONS = {
    name: (package, *(f"{package}-cu{cuda}{part}" for part in ("", "-bindings") for cuda in (13, 12)))
    for name, package in (("tensorrt", "tensorrt"), ("tensorrt_rtx", "tensorrt-rtx"))
}
"""Names under which a library may have been installed. The first is a package that only requires the second, which in
turn requires the third; who installs one of the later ones directly has none of those before it."""

OLDEST_TENSORRT = 10

_DTYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "BF16": "bfloat16",
    "FP8": "float8_e4m3fn",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
}


def choose(choice: Choice, device: str) -> str:
    """The library for a device: `auto` takes `tensorrt` on a GPU where it is installed, else `tensorrt_rtx`.

    It gives the same answer when an engine is built and when it is loaded, since neither library loads the other's.
    """
    if choice != "auto":
        return choice
    return "tensorrt" if device != "cpu" and _installed("tensorrt") else "tensorrt_rtx"


def distribution_of(name: str) -> str:
    """The name under which a library is installed; its usual one where it is not."""
    names = _DISTRIBUTIONS[name]
    return next(filter(version_of, names), names[0])


def missing(choice: Choice, device: str) -> str | None:
    """Why the chosen library cannot build for a device, in words; None where it can."""
    name = choose(choice, device)
    if not _installed(name):
        if choice == "auto" and not _installed("tensorrt"):
            return "neither tensorrt_rtx nor tensorrt is installed: pip install tensorrt_rtx"
        if choice == "auto":
            return "tensorrt builds engines only on an NVIDIA GPU; tensorrt_rtx needs none: pip install tensorrt_rtx"
        return f"{name} is not installed: pip install {name}"
    if name == "tensorrt":
        version = version_of(distribution_of("tensorrt")) or "0"
        if int(version.partition(".")[0]) < OLDEST_TENSORRT:
            return f"TensorRT {OLDEST_TENSORRT} or later is needed, {version} is installed"
        if device == "cpu":
            return "tensorrt builds engines only on an NVIDIA GPU; library: tensorrt_rtx needs none"
    return None


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


@functools.cache
def library(name: str) -> Any:
    """The imported library. Raises BuildError where it does not import."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError, RuntimeError) as error:
        raise BuildError(f"{name} is installed but does not import: {error}") from error


@functools.cache
def logger(name: str) -> Any:
    """A logger that writes warnings and errors to Python's stderr and remembers the errors.

    `logger(name).errors` lists them. One per process: the library keeps a pointer to the first it is given.
    """
    trt = library(name)

    class Logger(trt.ILogger):  # type: ignore[name-defined]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.Severity.ERROR:
                self.errors.append(message)
            if severity <= trt.ILogger.Severity.WARNING:
                print(f"[{name}] {severity.name}: {message}", file=sys.stderr, flush=True)

    return Logger()


def deserialize(name: str, plan: bytes, where: str) -> Any:
    """The engine in a plan. Raises EngineError with the library's own words; `where` names the file."""
    log = logger(name)
    log.errors.clear()
    trt = library(name)
    runtime = trt.Runtime(log)
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        reasons = " ".join([*_invalid(trt, runtime, plan), *log.errors]) or "no reason given"
        raise EngineError(f"{name} {trt.__version__} cannot load {where}: {reasons}")
    return engine


def _invalid(trt: Any, runtime: Any, plan: bytes) -> list[str]:
    """Why a plan does not fit this version or GPU, where the library can tell (tensorrt_rtx)."""
    if not hasattr(runtime, "get_engine_validity"):
        return []
    _, diagnostics = runtime.get_engine_validity(plan)
    found = (d for d in trt.EngineInvalidityDiagnostics.__members__.values() if int(diagnostics) & int(d))
    return [d.name.replace("_", " ").lower() for d in found]


class Contexts:
    """Makes the execution contexts of one engine; they share one runtime cache where the library has such a thing."""

    def __init__(
        self,
        name: str,
        engine: Any,
        specialization: Specialization = "eager",
        runtime_cache: bool = False,
        stored: bytes | None = None,
    ) -> None:
        """Prepare the settings; those that the library does not have are left out (see `captures_graphs`, `cached`).

        Args:
            name: `tensorrt` or `tensorrt_rtx`.
            engine: The deserialized engine.
            specialization: When kernels for the exact shape are compiled, of an engine with dynamic shapes: before the
                first inference of that shape (eager), in the background meanwhile (lazy), never (none).
            runtime_cache: Keep compiled kernels, for `serialize` and for the next context.
            stored: What `serialize` gave in an earlier process.
        """
        self._name = name
        self._engine = engine
        self._specialization = specialization
        config = self._config()
        self.captures_graphs = hasattr(config, "cuda_graph_strategy")
        self._cache: Any = None
        if runtime_cache and hasattr(config, "create_runtime_cache"):
            self._cache = config.create_runtime_cache()
            if stored is not None and not self._cache.deserialize(stored):
                print(
                    f"[{name}] the runtime cache is of another GPU, driver or version of {name} and is not used",
                    file=sys.stderr,
                    flush=True,
                )

    @property
    def cached(self) -> bool:
        """Whether compiled kernels are kept."""
        return self._cache is not None

    def create(self, cuda_graph: bool = False) -> Any:
        """A new execution context; with `cuda_graph` one that captures itself, where `captures_graphs`.

        Raises EngineError where there is no memory for it.
        """
        trt, log = library(self._name), logger(self._name)
        log.errors.clear()
        config = self._config()
        if config is None:
            context = self._engine.create_execution_context()
        else:
            if hasattr(config, "dynamic_shapes_kernel_specialization_strategy"):
                strategy = getattr(trt.DynamicShapesKernelSpecializationStrategy, self._specialization.upper())
                config.dynamic_shapes_kernel_specialization_strategy = strategy
            if cuda_graph and self.captures_graphs:
                config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
            if self._cache is not None:
                config.set_runtime_cache(self._cache)
            context = self._engine.create_execution_context(config)
        if context is None:
            raise EngineError(f"{self._name} gives no execution context: {' '.join(log.errors) or 'no reason given'}")
        return context

    def serialize(self) -> bytes:
        """The kernels compiled so far. Raises EngineError where none are kept."""
        blob = self._cache.serialize() if self._cache is not None else None
        if blob is None:
            raise EngineError(f"{self._name} has no runtime cache to keep")
        return bytes(memoryview(blob))

    def _config(self) -> Any:
        return self._engine.create_runtime_config() if hasattr(self._engine, "create_runtime_config") else None


def dtype_name(dtype: Any) -> str:
    """The numpy or PyTorch name of a library's DataType."""
    return _DTYPES.get(dtype.name, dtype.name.lower())
