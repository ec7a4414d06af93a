"""Layers from the events of torch.profiler, as it reports them for a GPU (its real events: tests/gpu)."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bakeoff.profiling.torch_events import MODULE, RUN
from bakeoff.profiling.torch_profile import profile_torch

CPU, CUDA = torch.autograd.DeviceType.CPU, torch.autograd.DeviceType.CUDA


class Recorder:
    """Builds the events of one profiled run: calls on the host as a tree, kernels on the device beside it."""

    ids = itertools.count(1)
    seconds = itertools.count()

    def __init__(self) -> None:
        self.clock, self.launches, self.device_events = 1e6 * next(self.seconds), [], []

    def call(self, name: str, *children: Any, shapes: Any = ()) -> Any:
        self.clock += 1
        return SimpleNamespace(
            name=name, id=0, device_type=CPU, cpu_children=list(children), input_shapes=list(shapes),
            cpu_time_total=1.0,
            time_range=SimpleNamespace(start=children[0].time_range.start if children else self.clock, end=self.clock),
        )  # fmt: skip

    def launch(self, *kernels: tuple[str, float], by: str = "cudaLaunchKernel") -> Any:
        event = self.call(by)
        event.id = next(self.ids)
        for name, us in kernels:
            self.clock += us
            self.device_events.append(self._on_device(name, us, event.id))
        self.launches.append(event)
        return event

    def operator(self, name: str, us: float, shapes: Any = ()) -> Any:
        launch = self.launch((f"kernel of {name}", us))
        event = self.call(name, launch, shapes=shapes)
        event.id = launch.id  # operators and launches are counted apart: equal numbers mean nothing
        return event

    def root(self, *children: Any) -> list[Any]:
        event = self.call(RUN, *children)
        # the profiler shows the mark of the run on the device, too
        return [event, self._on_device(RUN, 1e6, self.device_events[0].id), *self.launches, *self.device_events]

    def _on_device(self, name: str, us: float, number: int) -> Any:
        time = SimpleNamespace(start=self.clock, end=self.clock + us)
        return SimpleNamespace(
            name=name, id=number, device_type=CUDA, time_range=time, cpu_children=[], is_user_annotation=name == RUN
        )


@pytest.fixture
def profile(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs profile_torch as on a GPU; each call of the function that it is given gives the events of one run."""

    def layers(events: Any, runs: int = 3, device: str = "cuda:0") -> Any:
        class Profiler:
            def __init__(self, **_: Any) -> None:
                self.recorded: list[Any] = []

            def __enter__(self) -> Profiler:
                Profiler.active = self
                return self

            def __exit__(self, *_: Any) -> None:
                pass

            def events(self) -> list[Any]:
                return self.recorded

        def run() -> None:
            Profiler.active.recorded += events()

        monkeypatch.setattr(torch.profiler, "profile", Profiler)
        return profile_torch(None, run, lambda: None, device, runs, 60)

    return layers


def test_kernels_without_an_operator_are_layers(profile: Any) -> None:
    """A package of AOTInductor launches its Triton kernels itself: no operator stands above them."""

    def package() -> list[Any]:
        record = Recorder()
        return record.root(
            record.call("aten::empty_strided"),
            record.launch(("triton_poi_fused_add_relu_0", 4.0), by="cuLaunchKernel"),
            record.operator("aten::convolution", 10.0, shapes=[[1, 3, 8, 8], [4, 3, 3, 3], []]),
            record.call(
                "Torch-Compiled Region", record.launch(("triton_red_fused_mean_1", 6.0), by="cuLaunchKernelEx")
            ),
            record.launch(("Memcpy DtoD (Device -> Device)", 2.0), by="cudaMemcpyAsync"),
            record.call("cudaStreamSynchronize"),
        )

    times = profile(package)
    assert [(layer.name, layer.type, layer.time_ms.median) for layer in times.layers] == [
        ("0: triton_poi_fused_add_relu_0", "kernel", 0.004),
        ("1: aten::convolution", "aten::convolution", 0.010),
        ("2: triton_red_fused_mean_1", "kernel", 0.006),
        ("3: Memcpy DtoD", "kernel", 0.002),
    ]
    assert [layer.kernel for layer in times.layers][:2] == ["triton_poi_fused_add_relu_0", None]
    assert times.layers[1].input_shapes == [[1, 3, 8, 8], [4, 3, 3, 3]]
    assert sum(layer.share for layer in times.layers) == pytest.approx(1)
    assert (times.runs, times.notes) == (3, [])


def test_an_operator_that_runs_an_engine_is_shown_by_its_kernels(profile: Any) -> None:
    def engine() -> list[Any]:
        record = Recorder()
        inside = record.call("aten::empty", record.launch(("fill", 1.0)))
        conv = "void cutlass::Kernel2<cutlass_tensorop_f16<int, 3> >(cutlass_tensorop_f16<int, 3>::Params)"
        graph = record.launch((conv, 5.0), ("__myl_Relu", 3.0), by="cudaGraphLaunch")
        return record.root(record.call("tensorrt::execute_engine", inside, graph), record.operator("aten::add", 2.0))

    times = profile(engine)
    assert [layer.name for layer in times.layers] == ["0: fill", "1: cutlass::Kernel2", "2: __myl_Relu", "3: aten::add"]
    assert times.layers[1].kernel.startswith("void cutlass::Kernel2<cutlass_tensorop")
    assert [layer.time_ms.median for layer in times.layers] == [0.001, 0.005, 0.003, 0.002]


def test_launches_need_not_hang_below_the_run(profile: Any) -> None:
    """What no operator stands above, the profiler may list as calls of another thread."""

    def package() -> list[Any]:
        record = Recorder()
        first = record.operator("aten::convolution", 10.0)
        record.launch(("triton_poi_fused_relu_0", 4.0), by="cuLaunchKernel")
        second = record.operator("aten::convolution", 20.0)
        record.device_events.append(record._on_device("launched by nobody", 3.0, 10**6))
        return record.root(first, second)

    assert [(layer.name, layer.time_ms.median) for layer in profile(package).layers] == [
        ("0: aten::convolution", 0.010),
        ("1: triton_poi_fused_relu_0", 0.004),
        ("2: aten::convolution", 0.020),
        ("3: launched by nobody", 0.003),
    ]


def test_runs_that_launched_other_kernels_are_left_out(profile: Any) -> None:
    count = iter(range(9))

    def sometimes() -> list[Any]:
        record = Recorder()
        name = "other" if next(count) == 2 else "usual"
        return record.root(record.launch((name, 1.0)))

    times = profile(sometimes, runs=4)
    assert ([layer.name for layer in times.layers], times.runs) == (["0: usual"], 3)
    assert times.notes == ["1 of 4 runs executed other operators and were left out"]


def test_modules_keep_their_rows_even_without_kernels(profile: Any) -> None:
    def eager() -> list[Any]:
        record = Recorder()
        conv = record.call(f"{MODULE}stem.conv|Conv2d", record.operator("aten::conv2d", 8.0))
        return record.root(conv, record.call(f"{MODULE}drop|Dropout"))

    times = profile(eager)
    assert [(layer.name, layer.type, layer.fused) for layer in times.layers] == [
        ("stem.conv", "Conv2d", ["aten::conv2d"]),
        ("drop", "Dropout", []),
    ]
