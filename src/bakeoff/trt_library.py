"""Which TensorRT is used: `tensorrt` (10 or later) or `tensorrt_rtx`.

Their Python interfaces agree in what Bakeoff needs; what differs is here. Choosing imports neither.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from typing import Any, Literal

from bakeoff.errors import BuildError, EngineError
from bakeoff.machine import version_of

Choice = Literal["auto", "tensorrt", "tensorrt_rtx"]

DISTRIBUTION = {"tensorrt": "tensorrt", "tensorrt_rtx": "tensorrt-rtx"}

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

    The same answer at build and at load time, since engines of one cannot be loaded by the other.
    """
    if choice != "auto":
        return choice
    return "tensorrt" if device != "cpu" and _installed("tensorrt") else "tensorrt_rtx"


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
        version = version_of("tensorrt") or "0"
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
        raise EngineError(f"{name} {trt.__version__} cannot load {where}: {' '.join(log.errors) or 'no reason given'}")
    return engine


def dtype_name(dtype: Any) -> str:
    """The numpy or PyTorch name of a library's DataType."""
    return _DTYPES.get(dtype.name, dtype.name.lower())
