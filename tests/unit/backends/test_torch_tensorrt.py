"""Torch-TensorRT: plan, options, what is handed to the library, and how a graph was cut.

The library itself needs an NVIDIA GPU; a stand-in with its interface records the calls. Real engines: tests/gpu.
"""

import operator
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from tiny_models import gpu, machine, request
from torch.fx import Graph, GraphModule
from workshop import Workshop

from bakeoff.artifacts.build import BuildRecord, Partition
from bakeoff.backends import make_backend, options_of
from bakeoff.backends.base import ExportKey, Request
from bakeoff.backends.torch_tensorrt.backend import TorchTensorRt
from bakeoff.backends.torch_tensorrt.graph_cut import (
    engines_in,
    graph_cut_statistics,
    graph_cut_statistics_of_torchscript,
    smallest_min_block_size,
)
from bakeoff.backends.torch_tensorrt.unfolded_batch_norm import write_out_batch_norm
from bakeoff.config.load import parse_study
from bakeoff.core.errors import BuildError, ConfigError, EngineError

INSTALLED = frozenset({"torch_tensorrt"})
H200 = replace(machine(gpus=(gpu(),)), modules=INSTALLED)
TURING = replace(machine(gpus=(gpu(0, (7, 5)),)), modules=INSTALLED)


def refusal(request: Request, **options: Any) -> str | None:
    return make_backend({"kind": "torch_tensorrt", **options}).cannot_build(request)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
def test_a_gpu_builds_it(precision: str) -> None:
    assert refusal(request(precision, "cuda:0", H200)) is None
    expected = None if precision != "bf16" else "frontend knows no bf16; use frontend: dynamo"
    told = refusal(request(precision, "cuda:0", H200), frontend="torchscript-trace")
    assert told is expected or (expected is not None and expected in str(told))


@pytest.mark.parametrize(
    ("precision", "device", "on", "reason"),
    [
        ("fp32", "cpu", replace(machine(), modules=INSTALLED), "needs an NVIDIA GPU"),
        ("fp32", "cpu", replace(machine(gpus=(gpu(),)), modules=INSTALLED), "needs an NVIDIA GPU"),
        ("fp32", "cuda:1", H200, "there is no GPU cuda:1 on this machine"),
        ("tf32", "cuda:0", TURING, "compute capability 8.0 or later, a GPU has 7.5"),
        ("bf16", "cuda:0", TURING, "compute capability 8.0 or later, a GPU has 7.5"),
        ("int8", "cuda:0", H200, "takes int8 only from a model that was quantized before"),
        ("fp8", "cuda:0", H200, "takes fp8 only from a model that was quantized before"),
        ("fp32", "cuda:0", replace(H200, modules=frozenset()), "pip install torch-tensorrt, or torch-tensorrt-rtx"),
    ],
)
def test_what_cannot_be_built_is_said_in_words(precision, device, on, reason) -> None:
    told = refusal(request(precision, device, on))
    assert told is not None
    assert reason in told


def test_torchscript_files_need_a_torchscript_frontend() -> None:
    given = replace(request("fp32", "cuda:0", H200), source="torchscript")
    assert "use frontend: torchscript-trace" in str(refusal(given))
    assert refusal(given, frontend="torchscript-trace") is None


def test_a_cuda_graph_is_no_reason_on_a_gpu() -> None:
    assert refusal(request("fp16", "cuda:0", H200), cuda_graph=True) is None


@pytest.mark.parametrize(
    ("frontend", "precision", "key"),
    [
        ("dynamo", "fp32", ExportKey("exported_program", "fp32")),
        ("dynamo", "tf32", ExportKey("exported_program", "fp32")),
        ("dynamo", "fp16", ExportKey("exported_program", "fp16")),
        ("dynamo", "bf16", ExportKey("exported_program", "bf16")),
        ("torchscript-trace", "fp16", ExportKey("torchscript-trace", "fp16")),
        ("torchscript-script", "fp32", ExportKey("torchscript-script", "fp32")),
    ],
)
def test_what_it_reads(frontend: str, precision: str, key: ExportKey) -> None:
    assert make_backend({"kind": "torch_tensorrt", "frontend": frontend}).export_key(precision) == key


@pytest.mark.parametrize(
    "options",
    [
        {"min_block_size": 0},
        {"optimization_level": 6},
        {"workspace_bytes": 0},
        {"frontend": "fx"},
        {"optimization_level": 3, "frontend": "torchscript-trace"},
        {"channels_last": True},
    ],
)
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        options_of("torch_tensorrt").model_validate(options)


def test_a_config_that_mixes_options_is_refused_in_words() -> None:
    study = {
        "models": {"resnet18": {"source": "torchvision"}},
        "backends": {
            "eager": None,
            "trt-ts": {"kind": "torch_tensorrt", "frontend": "torchscript-trace", "optimization_level": 5},
        },
    }
    with pytest.raises(ConfigError, match="optimization_level exists with frontend dynamo only"):
        parse_study(study)


# How a graph was cut


def block(*operators: Callable[..., Any]) -> GraphModule:
    """A chain of operators on one tensor."""
    graph = Graph()
    value = graph.placeholder("x")
    for target in operators:
        value = graph.call_function(target, (value, 0) if target is operator.getitem else (value,))
    graph.output(value)
    return GraphModule({}, graph)


RELU, TANH = torch.ops.aten.relu.default, torch.ops.aten.tanh.default


def cut(blocks: dict[str, GraphModule], *loose: Callable[..., Any]) -> GraphModule:
    """A graph that calls the blocks one after the other and ends with loose operators."""
    graph = Graph()
    value = graph.placeholder("x")
    for name in blocks:
        value = graph.call_module(name, (value,))
    for target in loose:
        value = graph.call_function(target, (value, 0) if target is operator.getitem else (value,))
    graph.output(value)
    return GraphModule(dict(blocks), graph)


def test_one_engine() -> None:
    graph = cut({"_run_on_acc_0": block(RELU, TANH, RELU)})
    assert graph_cut_statistics(graph, 1) == Partition(
        engines=1, operators_per_engine=[3], operators_in_pytorch={}, smallest_min_block_size=1
    )
    assert engines_in(graph) == 1


def test_blocks_loose_operators_and_small_blocks() -> None:
    graph = cut(
        {
            "_run_on_acc_0": block(RELU, RELU),
            "_run_on_gpu_1": block(torch.sort, operator.getitem),
            "_run_on_acc_2": block(RELU, TANH, RELU, TANH, RELU),
            "_run_on_gpu_3": block(torch.sort),
            "_run_on_acc_4": block(TANH, TANH, TANH),
        },
        torch.ops.aten.nonzero.default,
        operator.getitem,
    )
    everything = graph_cut_statistics(graph, 1)
    assert everything.engines == 3
    assert everything.operators_per_engine == [2, 5, 3]
    assert everything.operators_in_pytorch == {"sort": 2, "aten.nonzero.default": 1}
    assert everything.smallest_min_block_size == 4
    some = graph_cut_statistics(graph, 3)
    assert some.operators_per_engine == [5, 3]
    assert some.operators_in_pytorch == {"sort": 2, "aten.relu.default": 2, "aten.nonzero.default": 1}
    assert graph_cut_statistics(graph, 4).engines == 1
    assert graph_cut_statistics(graph, 6).engines == 0
    assert graph_cut_statistics(graph, 6).smallest_min_block_size == 4


def test_the_smallest_size_that_leaves_one_engine_does() -> None:
    for sizes in ([7], [7, 3], [1, 2, 3], [3, 9, 3]):
        smallest = smallest_min_block_size(sizes)
        assert smallest is not None
        assert sum(size >= smallest for size in sizes) == 1
        assert smallest == 1 or sum(size >= smallest - 1 for size in sizes) > 1
    assert smallest_min_block_size([4, 4, 1]) is None
    assert smallest_min_block_size([]) is None


def test_torchscript_graphs_tell_engines_and_what_is_left() -> None:
    kinds = ["prim::Constant", "tensorrt::execute_engine", "aten::nms", "tensorrt::execute_engine", "aten::nms"]
    partition = graph_cut_statistics_of_torchscript(kinds)
    assert partition == Partition(engines=2, operators_in_pytorch={"aten::nms": 2})
    assert partition.operators_per_engine is None


# What is handed to the library


class Library(ModuleType):
    """The interface of Torch-TensorRT 2.11, as far as it is used; the cut is given, engines stay parts."""

    def __init__(self, graph: GraphModule) -> None:
        super().__init__("torch_tensorrt")
        self.compiled: list[dict[str, Any]] = []
        self.saved: dict[str, Any] = {}

        def compile(
            exported_program, inputs=None, *, arg_inputs=None, device=None, disable_tf32=False, workspace_size=0,
            min_block_size=5, optimization_level=None, dryrun=False, use_explicit_typing=True,
            timing_cache_path="shared", **kwargs,
        ):  # fmt: skip
            self.compiled.append({**locals(), "unknown": kwargs})
            return graph

        def save(
            module, file_path="", *, output_format="exported_program", arg_inputs=None, retrace=True,
            dynamic_shapes=None, **kwargs,
        ):  # fmt: skip
            self.saved = locals()
            torch.export.save(self.compiled[0]["exported_program"], file_path)

        self.dynamo = SimpleNamespace(compile=compile)
        self.save = save
        self.Device = lambda gpu_id: f"device {gpu_id}"
        self.Input = lambda **shape: shape


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    """A stand-in for the library, with tensors on the CPU."""
    fake = Library(cut({"_run_on_acc_0": block(RELU, TANH), "_run_on_gpu_1": block(torch.sort)}))
    monkeypatch.setitem(sys.modules, "torch_tensorrt", fake)
    monkeypatch.setattr("bakeoff.backends.torch_tensorrt.backend._device", lambda library, spec: library.Device(0))
    return fake


def build(workshop: Workshop, out: Path, precision: str = "fp32", batch=(1, 4, 4), **options: Any):
    backend = make_backend({"kind": "torch_tensorrt", **options})
    assert isinstance(backend, TorchTensorRt)
    spec = workshop.spec("two_inputs", precision, batch)
    built = backend.build(workshop.source(backend, "two_inputs", precision), spec, out)
    backend.inspect(out, built, spec)
    return backend, built, spec


def test_dynamo_settings(workshop: Workshop, library: Library, tmp_path: Path) -> None:
    _, built, _ = build(workshop, tmp_path, optimization_level=4, workspace_bytes=1 << 20, min_block_size=2)
    real, dry = library.compiled
    assert built.files == ["engine.pt2"]
    assert (real["min_block_size"], real["dryrun"]) == (2, False)
    assert (dry["min_block_size"], dry["dryrun"]) == (1, True)
    for settings in (real, dry):
        assert settings["unknown"] == {}
        assert settings["use_explicit_typing"] is True
        assert settings["disable_tf32"] is True
        assert settings["optimization_level"] == 4
        assert settings["workspace_size"] == 1 << 20
        assert settings["timing_cache_path"] != "shared"
    left, right = real["arg_inputs"]
    assert left == {"min_shape": (1, 12), "opt_shape": (4, 12), "max_shape": (4, 12), "dtype": torch.float32}
    assert right["opt_shape"] == (4, 8)


def test_fp16_is_a_half_model(workshop: Workshop, library: Library, tmp_path: Path) -> None:
    _, built, _ = build(workshop, tmp_path, "fp16")
    assert {settings["dtype"] for settings in library.compiled[0]["arg_inputs"]} == {torch.float16}
    assert built.holds_precision is None  # its engines are not asked: the stand-in has none
    assert any("holds fp16 is not known" in note for note in built.notes)
    assert "enabled_precisions" not in library.compiled[0]["unknown"]


def test_tf32_is_said(workshop: Workshop, library: Library, tmp_path: Path) -> None:
    build(workshop, tmp_path, "tf32")
    assert library.compiled[0]["disable_tf32"] is False


def test_saving_keeps_one_batch_dimension_for_all_inputs(workshop: Workshop, library: Library, tmp_path: Path) -> None:
    build(workshop, tmp_path, batch=(1, 2, 4))
    left, right = library.saved["dynamic_shapes"]
    assert left[0] is right[0]
    assert (left[0].min, left[0].max) == (1, 4)
    assert [tuple(t.shape) for t in library.saved["arg_inputs"]] == [(2, 12), (2, 8)]


def test_an_engine_of_fixed_size(workshop: Workshop, library: Library, tmp_path: Path) -> None:
    build(workshop, tmp_path, batch=(2, 2, 2))
    assert library.compiled[0]["arg_inputs"][0] == {"shape": (2, 12), "dtype": torch.float32}
    assert library.saved["dynamic_shapes"] is None
    assert library.saved["retrace"] is True


def test_the_partition_is_in_the_record(workshop: Workshop, library: Library, tmp_path: Path) -> None:
    _, built, _ = build(workshop, tmp_path, min_block_size=2)
    assert built.partition == Partition(
        engines=1, operators_per_engine=[2], operators_in_pytorch={"sort": 1}, smallest_min_block_size=1
    )
    assert built.fallback == ["sort (1×, PyTorch)"]
    assert not any("dry run" in note for note in built.notes)
    record = BuildRecord(target={"study": "s"}, status="ok", partition=built.partition)
    assert BuildRecord.model_validate_json(record.model_dump_json()).partition == built.partition


def test_a_cut_other_than_the_dry_runs_is_noted(workshop: Workshop, library: Library, tmp_path: Path) -> None:
    _, built, _ = build(workshop, tmp_path, min_block_size=3)  # the stand-in cuts regardless of it
    assert "the built graph has 1 engines, a dry run gave 0: partition is the dry run's" in built.notes


def test_a_dry_run_that_fails_leaves_a_note(workshop: Workshop, library: Library, tmp_path: Path, monkeypatch) -> None:
    real = library.dynamo.compile

    def compile(program: Any, *, dryrun: bool = False, timing_cache_path: str, **settings: Any) -> Any:
        if dryrun:
            raise RuntimeError("no dry runs today")
        return real(program, **settings)

    monkeypatch.setattr(library.dynamo, "compile", compile)
    _, built, _ = build(workshop, tmp_path)
    assert built.partition is None
    assert "no partition statistics, the dry run failed: RuntimeError: no dry runs today" in built.notes


def test_a_saved_engine_runs(workshop: Workshop, library: Library, tmp_path: Path) -> None:
    backend, built, _ = build(workshop, tmp_path)
    workshop.assert_close(workshop.load(backend, "two_inputs", tmp_path, built, 3), "two_inputs", 3)


def test_a_damaged_engine_is_refused(workshop: Workshop, library: Library, tmp_path: Path) -> None:
    backend, built, spec = build(workshop, tmp_path)
    (tmp_path / built.files[0]).write_bytes(b"no engine")
    with pytest.raises(EngineError, match=r"engine\.pt2"):
        backend.load(tmp_path, built.files, spec, 1)
    with pytest.raises(EngineError, match="batch sizes 1 to 4, not for 5"):
        backend.load(tmp_path, built.files, spec, 5)


def test_what_the_library_says_is_quoted(workshop: Workshop, library: Library, tmp_path: Path, monkeypatch) -> None:
    def compile(*_: Any, **__: Any) -> None:
        raise AssertionError("no converter for aten.sort\nand pages of advice")

    monkeypatch.setattr(library.dynamo, "compile", compile)
    with pytest.raises(BuildError, match=r"AssertionError: no converter for aten.sort$"):
        build(workshop, tmp_path)


def test_a_library_that_does_not_import(workshop: Workshop, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_tensorrt", None)
    with pytest.raises(BuildError, match="torch_tensorrt is installed but does not import"):
        make_backend({"kind": "torch_tensorrt"}).import_library()


def test_a_version_without_the_torchscript_frontend(workshop: Workshop, library: Library, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no TorchScript frontend; use frontend: dynamo"):
        build(workshop, tmp_path, frontend="torchscript-trace")


def test_the_torchscript_frontend(workshop: Workshop, library: Library, tmp_path: Path) -> None:
    told: dict[str, Any] = {}

    def compile(module: torch.jit.ScriptModule, **settings: Any) -> torch.jit.ScriptModule:
        told.update(settings)
        return module

    library.ts = SimpleNamespace(compile=compile)  # type: ignore[attr-defined]
    _, built, _ = build(workshop, tmp_path, "fp16", frontend="torchscript-script", min_block_size=7)
    assert built.files == ["engine.ts"]
    assert told["enabled_precisions"] == {torch.float16}
    assert told["min_block_size"] == 7
    assert told["disable_tf32"] is True
    assert built.partition is not None
    assert built.partition.engines == 0
    assert built.partition.operators_in_pytorch["aten::linear"] == 3
    assert built.holds_precision is None
    assert "cannot say its precision" in built.notes[0]


def normalized(*layers: torch.nn.Module) -> torch.nn.Module:
    """Layers in eval mode, whose normalizations have statistics and parameters that are no ones and zeros."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(*layers).eval()
    for layer in module:
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            for tensor, low in (
                (layer.running_var, 0.5),
                (layer.running_mean, -1.0),
                (layer.weight, 0.5),
                (layer.bias, -1),
            ):
                if tensor is not None:
                    torch.nn.init.uniform_(tensor, low, 1.5)
    return module


@pytest.mark.parametrize("capture", [torch.jit.script, torch.jit.trace])
@pytest.mark.parametrize(
    ("layers", "shape", "left", "done"),
    [
        ([torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)], (3, 8, 9), 0, 0),
        ([torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.BatchNorm2d(4)], (3, 8, 9), 1, 1),
        ([torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.BatchNorm2d(4, affine=False)], (3, 8, 9), 1, 1),
        ([torch.nn.Conv1d(3, 4, 3), torch.nn.ReLU(), torch.nn.BatchNorm1d(4)], (3, 8), 1, 1),
        ([torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.BatchNorm1d(4)], (3,), 1, 0),
    ],
    ids=["folded", "after an activation", "without parameters", "1D", "after a linear layer"],
)
def test_batch_normalization_that_is_not_folded_is_written_out(
    tmp_path: Path, capture: Any, layers: Any, shape: Any, left: int, done: int
) -> None:
    module = normalized(*layers)
    inputs = torch.randn(2, *shape)
    made = capture(module, inputs) if capture is torch.jit.trace else capture(module)
    frozen = torch.jit.freeze(made)
    assert len(frozen.graph.findAllNodes("aten::batch_norm")) == left
    assert write_out_batch_norm(frozen) == done
    assert len(frozen.graph.findAllNodes("aten::batch_norm")) == left - done
    frozen.graph.lint()
    torch.jit.save(frozen, str(tmp_path / "made.ts"))
    again = torch.jit.load(str(tmp_path / "made.ts"))
    for size in (2, 5):
        inputs = torch.randn(size, *shape)
        torch.testing.assert_close(again(inputs), module(inputs), rtol=1e-5, atol=1e-5)


def test_too_little_workspace_is_named(workshop: Workshop, library: Library, tmp_path: Path, monkeypatch) -> None:
    def compile(*_: Any, **__: Any) -> None:
        raise TypeError("deserialize_cuda_engine(): incompatible function arguments")

    monkeypatch.setattr(library.dynamo, "compile", compile)
    with pytest.raises(BuildError, match=r"workspace_bytes \(4,194,304\) may be too little: leave it out$"):
        build(workshop, tmp_path, workspace_bytes=4194304)
