"""A loaded TensorRT engine without a GPU: the library's interface on ordinary memory, with a record of the calls.

Its network doubles a float32 input `x` into `y`. `tensorrt` has neither a runtime configuration nor CUDA graphs of its
own; `tensorrt_rtx` has both, a runtime cache among them.
"""

import ctypes
import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bakeoff.backends.tensorrt import backend as tensorrt
from bakeoff.backends.tensorrt import info as trt_info
from bakeoff.backends.tensorrt import library, session

HANDLE = 4711
COMPILED = b"compiled kernels"


class Stream:
    """A stream on which all work is done at once."""

    open = 0

    def __init__(self, device: str) -> None:
        self.device = device
        self.handle = HANDLE
        self.stream = "the stream"
        Stream.open += 1

    def synchronize(self) -> None:
        pass

    def close(self) -> None:
        Stream.open -= 1


class Cache:
    def __init__(self) -> None:
        self.content = b""

    def deserialize(self, blob: bytes) -> bool:
        if blob != COMPILED:
            return False
        self.content = blob
        return True

    def serialize(self) -> bytes:
        return COMPILED


class RuntimeConfig:
    def __init__(self) -> None:
        self.cuda_graph_strategy = 0
        self.dynamic_shapes_kernel_specialization_strategy = 0
        self.cache: Cache | None = None

    def create_runtime_cache(self) -> Cache:
        return Cache()

    def set_runtime_cache(self, cache: Cache) -> bool:
        self.cache = cache
        return True


class Context:
    def __init__(self, config: RuntimeConfig | None, reports: list[list[tuple[str, float]]]) -> None:
        self.config = config
        self.profiler: Any = None
        self.shape: tuple[int, ...] = ()
        self.addresses: dict[str, int] = {}
        self.streams: list[int] = []
        self.fails = False
        self._reports = reports

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.shape = shape
        return shape[0] <= 8

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self.shape

    def set_tensor_address(self, name: str, address: int) -> None:
        self.addresses[name] = address

    def execute_async_v3(self, stream: int) -> bool:
        self.streams.append(stream)
        n = self.shape[0] * self.shape[1]
        given, answer = ((ctypes.c_float * n).from_address(self.addresses[name]) for name in ("x", "y"))
        answer[:] = [2 * value for value in given]
        if self.profiler is not None:
            for layer in self._reports[len(self.streams) % len(self._reports)]:
                self.profiler.report_layer_time(*layer)
        return not self.fails


class Engine:
    """`reports`: what the profiler is told, one inference after the other; `layers`: what the inspector lists."""

    def __init__(self, name: str, layers: Any, reports: list[list[tuple[str, float]]]) -> None:
        self.contexts: list[Context] = []
        self._layers = layers
        self._reports = reports
        if name == "tensorrt_rtx":
            self.create_runtime_config = RuntimeConfig

    def create_execution_context(self, config: RuntimeConfig | None = None) -> Context:
        self.contexts.append(Context(config, self._reports))
        return self.contexts[-1]

    def get_tensor_dtype(self, name: str) -> Any:
        return SimpleNamespace(name="FLOAT")

    def create_engine_inspector(self) -> Any:
        return SimpleNamespace(get_engine_information=lambda format: json.dumps({"Layers": self._layers}))


class Library:
    """The part of the library's module that a session uses."""

    class IProfiler:
        pass

    class CudaGraphStrategy(IntEnum):
        DISABLED = 0
        WHOLE_GRAPH_CAPTURE = 1

    class DynamicShapesKernelSpecializationStrategy(IntEnum):
        LAZY = 0
        EAGER = 1
        NONE = 2

    LayerInformationFormat = SimpleNamespace(JSON="json")


class Graph:
    """A CUDA graph: what was enqueued while it was captured runs again at each replay."""

    def __init__(self) -> None:
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1


class Machine:
    """The engines that were loaded, and what the next ones are like."""

    def __init__(self) -> None:
        self.name = "tensorrt_rtx"
        self.layers: Any = []
        self.reports: list[list[tuple[str, float]]] = [[]]
        self.engines: list[Engine] = []
        self.captured: list[Any] = []

    @property
    def context(self) -> Context:
        return self.engines[-1].contexts[0]


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Machine:
    """A machine on which the backend loads such engines; `folder` gets a plan and what is said of it."""
    import torch

    machine = Machine()

    def deserialize(name: str, plan: bytes, where: str) -> Engine:
        machine.engines.append(Engine(machine.name, machine.layers, machine.reports))
        return machine.engines[-1]

    @contextmanager
    def capture(graph: Graph, stream: Any) -> Iterator[None]:
        machine.captured.append(stream)
        yield

    for module in (tensorrt, library, session):
        monkeypatch.setattr(module, "library", lambda name: Library)
        monkeypatch.setattr(module, "logger", lambda name: SimpleNamespace(errors=[]))
    for module in (tensorrt, session):
        monkeypatch.setattr(module, "deserialize", deserialize)
        monkeypatch.setattr(module, "OwnStream", Stream)
    monkeypatch.setattr(tensorrt, "choose", lambda choice, device: machine.name)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", capture)
    monkeypatch.setattr(Stream, "open", 0)
    (folder / tensorrt.PLAN).write_bytes(b"a plan")
    info = {"library": {machine.name: "1"}, "inputs": ["x"], "outputs": ["y"], "source": trt_info.FROM_NETWORK}
    trt_info.write(folder, {**info, "engine": {"Layers": []}})
    return machine
