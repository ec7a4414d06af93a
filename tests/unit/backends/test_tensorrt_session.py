"""TensorRT's sessions on a stand-in for a loaded engine: what is asked of the library, in which order.

Real engines run in tests/gpu.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trt_stand_in import COMPILED, HANDLE, Library, Machine, Stream, stand_in

from bakeoff.backends import make_backend
from bakeoff.backends.base import Built, EngineSpec, InputInfo
from bakeoff.backends.tensorrt import backend as tensorrt
from bakeoff.backends.tensorrt import info as trt_info
from bakeoff.backends.tensorrt import session as trt_session
from bakeoff.backends.tensorrt.backend import PLAN, RUNTIME_CACHE, TensorRt
from bakeoff.backends.tensorrt.session import TensorRtSession
from bakeoff.core.errors import EngineError

GPU = "cpu:0"
"""Ordinary memory, under a name that is not `cpu`."""
SPEC = EngineSpec("fp32", GPU, 1, 1, 4, 8, [InputInfo("x", (3,), "float32")])
BATCH = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return stand_in(monkeypatch, tmp_path)


def session(machine: Machine, folder: Path, stored: bytes | None = None, **options: Any) -> TensorRtSession:
    loaded = TensorRtSession(machine.name, folder / PLAN, SPEC, TensorRt.Options(**options), stored)
    loaded.prepare([BATCH])
    return loaded


@pytest.mark.parametrize("name", ["tensorrt", "tensorrt_rtx"])
def test_runs_on_its_stream_and_gives_it_back(machine: Machine, tmp_path: Path, name: str) -> None:
    machine.name = name
    loaded = session(machine, tmp_path)
    assert Stream.open == 1
    loaded.run()
    assert machine.context.streams == [HANDLE]
    (answer,) = loaded.outputs()
    assert np.array_equal(answer, 2 * BATCH)
    (given,), (result,) = loaded.device_tensors()
    assert np.array_equal(given.numpy(), BATCH)
    assert result.data_ptr() == machine.context.addresses["y"]
    loaded.close()
    assert Stream.open == 0


def test_what_the_library_refuses(machine: Machine, tmp_path: Path) -> None:
    loaded = session(machine, tmp_path)
    with pytest.raises(EngineError, match=r"does not take shape \(9, 3\)"):
        loaded.prepare([np.zeros((9, 3), np.float32)])
    with pytest.raises(EngineError, match="takes 1 inputs, 2 were given"):
        loaded.prepare([BATCH, BATCH])
    loaded = session(machine, tmp_path)
    machine.context.fails = True
    with pytest.raises(EngineError, match="could not run the engine"):
        loaded.run()


def test_an_engine_that_does_not_load_gives_the_stream_back(machine: Machine, tmp_path: Path, monkeypatch) -> None:
    def deserialize(*_: Any) -> None:
        raise EngineError("no")

    monkeypatch.setattr(trt_session, "deserialize", deserialize)
    with pytest.raises(EngineError):
        session(machine, tmp_path)
    assert Stream.open == 0


class TestCudaGraph:
    def test_tensorrt_rtx_captures_itself(self, machine: Machine, tmp_path: Path) -> None:
        loaded = session(machine, tmp_path, cuda_graph=True)
        loaded.run()
        assert machine.context.config.cuda_graph_strategy == Library.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        assert not machine.captured
        assert len(machine.context.streams) == 1

    def test_tensorrt_rtx_is_captured_where_that_is_asked_for(self, machine: Machine, tmp_path: Path) -> None:
        loaded = session(machine, tmp_path, cuda_graph=True, graph_capture="bakeoff")
        loaded.run()
        assert machine.context.config.cuda_graph_strategy == Library.CudaGraphStrategy.DISABLED
        assert machine.captured == ["the stream"]

    def test_none_without_the_option(self, machine: Machine, tmp_path: Path) -> None:
        session(machine, tmp_path).run()
        assert machine.context.config.cuda_graph_strategy == Library.CudaGraphStrategy.DISABLED

    def test_tensorrt_is_captured_at_the_first_run_and_replayed(self, machine: Machine, tmp_path: Path) -> None:
        machine.name = "tensorrt"
        loaded = session(machine, tmp_path, cuda_graph=True)
        assert not machine.captured
        loaded.run()
        assert machine.captured == ["the stream"]
        enqueued = len(machine.context.streams)
        assert enqueued == trt_session._WARM_UP_RUNS + 1
        loaded.run()
        assert loaded._graph.replays == 2
        assert len(machine.context.streams) == enqueued
        loaded.prepare([BATCH])
        loaded.run()
        assert len(machine.captured) == 2

    def test_an_engine_that_cannot_be_captured(self, machine: Machine, tmp_path: Path, monkeypatch) -> None:
        import torch

        class Graph:
            def __init__(self, *_: Any, **__: Any) -> None:
                pass

            def __enter__(self) -> None:
                pass

            def __exit__(self, *_: Any) -> None:
                raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nand more")

        monkeypatch.setattr(torch.cuda, "graph", Graph)
        machine.name = "tensorrt"
        said = "cuda_graph: false: RuntimeError: CUDA error: operation not permitted when stream is capturing$"
        with pytest.raises(EngineError, match=said):
            session(machine, tmp_path, cuda_graph=True).run()


class TestKernels:
    @pytest.mark.parametrize("name", ["eager", "lazy", "none"])
    def test_specialization(self, machine: Machine, tmp_path: Path, name: str) -> None:
        session(machine, tmp_path, kernel_specialization=name)
        strategy = machine.context.config.dynamic_shapes_kernel_specialization_strategy
        assert strategy == Library.DynamicShapesKernelSpecializationStrategy[name.upper()]

    def test_stored_kernels_are_used(self, machine: Machine, tmp_path: Path, capsys) -> None:
        session(machine, tmp_path, COMPILED)
        assert machine.context.config.cache.content == COMPILED
        assert not capsys.readouterr().err

    def test_those_of_another_gpu_are_not_and_it_says_so(self, machine: Machine, tmp_path: Path, capsys) -> None:
        session(machine, tmp_path, b"of another GPU")
        assert machine.context.config.cache.content == b""
        assert "is of another GPU, driver or version of tensorrt_rtx and is not used" in capsys.readouterr().err

    def test_without_the_option_none_are_kept(self, machine: Machine, tmp_path: Path) -> None:
        loaded = session(machine, tmp_path, runtime_cache=False)
        assert machine.context.config.cache is None
        with pytest.raises(EngineError, match="no runtime cache"):
            loaded.compiled_kernels()

    def test_load_reads_the_file_where_there_is_one(self, machine: Machine, tmp_path: Path, monkeypatch) -> None:
        given = []
        monkeypatch.setattr(tensorrt, "TensorRtSession", lambda *arguments: given.append(arguments[-1]))
        (tmp_path / RUNTIME_CACHE).write_bytes(COMPILED)
        for files, options in [
            ([PLAN, RUNTIME_CACHE], {}),
            ([PLAN], {}),
            ([PLAN, RUNTIME_CACHE], {"runtime_cache": False}),
        ]:
            make_backend({"kind": "tensorrt", **options}).load(tmp_path, files, SPEC, 1)
        assert given == [COMPILED, None, None]


class TestInspect:
    def inspect(self, folder: Path, **options: Any) -> Built:
        built = Built(files=[PLAN, trt_info.FILE])
        make_backend({"kind": "tensorrt", **options}).inspect(folder, built, SPEC)
        assert Stream.open == 0
        return built

    def test_kernels_are_compiled_and_kept(self, machine: Machine, tmp_path: Path) -> None:
        machine.layers = [{"Name": "double", "LayerType": "kgen"}]
        built = self.inspect(tmp_path)
        assert built.files == [PLAN, trt_info.FILE, RUNTIME_CACHE]
        assert (tmp_path / RUNTIME_CACHE).read_bytes() == COMPILED
        (note,) = built.notes
        assert note.startswith("runtime cache: load ")
        assert "batch size 4" in note
        _, without, with_cache = machine.engines
        assert len(without.contexts[0].streams) == 3  # batch sizes 4, 1 and 8
        assert with_cache.contexts[0].config.cache.content == COMPILED
        info = trt_info.read(tmp_path)
        assert (info["source"], trt_info.layers(info)[0].name) == (trt_info.FROM_INSPECTOR, "double")

    def test_nothing_to_keep(self, machine: Machine, tmp_path: Path) -> None:
        assert self.inspect(tmp_path, runtime_cache=False).files == [PLAN, trt_info.FILE]
        machine.name = "tensorrt"
        built = self.inspect(tmp_path)
        assert built.files == [PLAN, trt_info.FILE]
        assert built.notes == []

    @pytest.mark.parametrize(("name", "capture", "who"), [
        ("tensorrt_rtx", "library", "tensorrt_rtx itself"), ("tensorrt_rtx", "bakeoff", "Bakeoff"),
        ("tensorrt", "library", "Bakeoff"),
    ])  # fmt: skip
    def test_who_captures_is_noted(self, machine: Machine, tmp_path: Path, name: str, capture: str, who: str) -> None:
        machine.name = name
        notes = self.inspect(tmp_path, cuda_graph=True, graph_capture=capture).notes
        assert f"CUDA graph: captured by {who}" in notes

    def test_an_engine_that_fails_leaves_a_note(self, machine: Machine, tmp_path: Path, monkeypatch) -> None:
        def fail(*_: Any) -> None:
            raise EngineError("out of memory")

        monkeypatch.setattr(TensorRtSession, "run", fail)
        built = self.inspect(tmp_path)
        assert built.notes == ["no runtime cache, running the engine failed: out of memory"]
        assert built.files == [PLAN, trt_info.FILE]


class TestLayers:
    def test_times_and_facts(self, machine: Machine, tmp_path: Path) -> None:
        machine.layers = [
            {"Name": "double", "LayerType": "kgen", "Outputs": [{"Dimensions": [2, 3], "Datatype": "Half"}]},
            {"Name": "idle", "LayerType": "no_op"},
        ]
        machine.reports = [[("double", 0.25), ("copy", 0.75)]]
        loaded = session(machine, tmp_path, COMPILED, cuda_graph=True)
        times = loaded.layers(12, 60)
        assert times.runs == 12
        double, copy = times.layers
        assert (double.type, double.dtype, double.output_shapes) == ("kgen", "float16", [[2, 3]])
        assert (double.time_ms.median, double.time_ms.p90, double.share) == (0.25, 0.25, 0.25)
        assert (copy.type, copy.dtype) == ("layer", None)
        assert times.latency_ms >= 0
        assert any("not listed by the engine inspector: 1 layers (copy)" in note for note in times.notes)
        assert any("not timed: 1 layers (idle)" in note for note in times.notes)
        own, profiled = machine.engines[0].contexts
        assert own.profiler is None
        assert own.config.cuda_graph_strategy == Library.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        assert profiled.config.cuda_graph_strategy == Library.CudaGraphStrategy.DISABLED
        assert profiled.config.cache is own.config.cache
        assert "profiled without the CUDA graph, layer by layer" in times.notes

    def test_an_inspector_that_cannot_be_read(self, machine: Machine, tmp_path: Path) -> None:
        machine.layers, machine.reports = None, [[("double", 0.5)]]
        machine.engines.clear()
        loaded = session(machine, tmp_path)
        machine.engines[0].create_engine_inspector = lambda: type(
            "Inspector", (), {"get_engine_information": lambda self, format: "{not json"}
        )()
        times = loaded.layers(1, 60)
        assert times.layers[0].name == "double"
        assert any("the engine inspector's answer cannot be read" in note for note in times.notes)

    def test_a_profiler_that_says_nothing(self, machine: Machine, tmp_path: Path) -> None:
        times = session(machine, tmp_path).layers(3, 60)
        assert times.layers == []
        assert times.notes == ["the profiler reported no layers"]
