"""AOTInductor on real models: every compilation takes seconds, so tests share packages."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from inductor_stand_in import Benchmarker, turns
from tiny_models import gpu, machine, request
from torch._inductor.runtime import benchmarking, compile_tasks
from workshop import Workshop, need_instructions

from bakeoff.backends import make_backend
from bakeoff.backends.base import Backend, Built
from bakeoff.backends.inductor import backend as inductor
from bakeoff.backends.inductor import kernel_benchmark as inductor_benchmark
from bakeoff.backends.inductor import private
from bakeoff.backends.inductor.kernel_benchmark import ReplayTimer
from bakeoff.backends.shared import exported
from bakeoff.core.errors import BuildError, EngineError
from bakeoff.core.machine import Machine

pytestmark = [
    pytest.mark.skipif(Machine.detect().compiler is None, reason="needs a C++ compiler"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning"),
]

MIXED = """
import torch
from torch import nn

class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.left, self.right = nn.Embedding(100, 8), nn.Linear(8, 10), nn.Linear(12, 10)
    def forward(self, tokens, x):
        scores = self.left(self.embedding(tokens).mean(1)) - 2 * torch.tanh(self.right(x))
        return {"scores": scores, "box": torch.relu(scores[:, :4] + 1)}

def mixed():
    return Mixed()
"""

SEPARABLE = """
from torch import nn

def separable():
    depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
    return nn.Sequential(
        nn.Conv2d(3, 8, 1), depthwise, nn.BatchNorm2d(8), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 10)
    )
"""

LOAD = """
import sys
import zipfile
import numpy as np
from bakeoff.backends import make_backend
from bakeoff.backends.base import EngineSpec, InputInfo

folder, arrays, out = sys.argv[1:]
spec = EngineSpec("fp32", "cpu", 1, 1, 4, 4, [InputInfo("image", (3, 16, 16), "float32")])
session = make_backend({"kind": "inductor"}).load(__import__("pathlib").Path(folder), ["engine.pt2"], spec, 3)
session.prepare([np.load(arrays)])
session.run()
np.save(out, session.outputs()[0])
"""


@dataclass
class Package:
    """A compiled model."""

    backend: Backend
    folder: Path
    built: Built


@pytest.fixture(scope="module")
def compiled(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Built]:
    """Builds like `Workshop.build`, all with one cache folder, so that Inductor's headers are compiled once.

    That the compiler knows the processor's instructions is taken for granted: to find out, Inductor compiles a program
    for each set of them, which takes as long as a model.
    """
    caches = SimpleNamespace(name=str(tmp_path_factory.mktemp("caches")), cleanup=lambda: None)

    def build(*arguments: Any) -> Built:
        with pytest.MonkeyPatch.context() as patch, torch._inductor.config.patch({"cpp.vec_isa_ok": True}):
            patch.setattr(inductor, "TemporaryDirectory", lambda **_: caches)
            return workshop.build(*arguments)

    return build


@pytest.fixture(scope="module")
def package(compiled: Callable[..., Built], tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The convolutional network for batch sizes 1 to 4."""
    backend = make_backend({"kind": "inductor"})
    folder = tmp_path_factory.mktemp("package")
    return Package(backend, folder, compiled(backend, "convnet", folder))


def test_outputs_at_every_batch_size(workshop: Workshop, package: Package) -> None:
    assert package.built.files == ["engine.pt2"]
    assert package.built.holds_precision is True
    assert set(package.built.layer_dtypes) == {"float32"}
    for size in (1, 2, 4):
        session = workshop.load(package.backend, "convnet", package.folder, package.built, size)
        workshop.assert_close(session, "convnet", size)


@pytest.mark.parametrize("warm", [False, True])
def test_each_build_starts_from_empty_caches(workshop: Workshop, tmp_path: Path, monkeypatch, warm: bool) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/somewhere/else")
    found = []

    def compile(program: object, package_path: str, inductor_configs: dict) -> None:
        zipfile.ZipFile(package_path, "w").close()
        folder = Path(os.environ["TORCHINDUCTOR_CACHE_DIR"])
        found.append((folder, list(folder.iterdir())))
        (folder / "something").touch()

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", compile)
    for _ in range(2):
        backend = make_backend({"kind": "inductor", "warm_build": warm})
        built = workshop.build(backend, "pair", tmp_path)
        assert (built.warm_build_s is not None) is warm
        assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "/somewhere/else"
    cold = found[::2] if warm else found
    assert [content for _, content in cold] == [[], []]
    assert cold[0][0] != cold[1][0]
    for first, second in zip(found[::2], found[1::2], strict=True) if warm else ():
        assert second == (first[0], [first[0] / "something"])
    assert not any(folder.exists() for folder, _ in found)


def test_a_fresh_process_loads_it_without_a_compiler(workshop: Workshop, package: Package, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    inputs, outputs = tmp_path / "in.npy", tmp_path / "out.npy"
    np.save(inputs, workshop.batch("convnet", 3)[0])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PATH": "/nonexistent",
        "CXX": "/bin/false",
        "TORCHINDUCTOR_CACHE_DIR": str(cache),
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, "-c", LOAD, str(package.folder), str(inputs), str(outputs)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    session = workshop.load(package.backend, "convnet", package.folder, package.built, 3)
    session.run()
    np.testing.assert_array_equal(np.load(outputs), session.outputs()[0])
    assert list(cache.iterdir()) == []


def test_the_public_loader_gives_the_same_outputs(workshop: Workshop, package: Package, monkeypatch) -> None:
    session = workshop.load(package.backend, "convnet", package.folder, package.built, 3)
    session.run()
    gone = replace(private.LOADER, name="no_such_thing")
    monkeypatch.setattr(private, "LOADER", gone)
    with torch._inductor.config.patch({"cpp.vec_isa_ok": False}):  # else it compiles test programs first
        other = workshop.load(package.backend, "convnet", package.folder, package.built, 3)
    other.run()
    np.testing.assert_array_equal(session.outputs()[0], other.outputs()[0])


def test_layers_are_kernels_and_operators(workshop: Workshop, package: Package) -> None:
    times = workshop.load(package.backend, "convnet", package.folder, package.built, 2).layers(runs=12, max_s=60)
    assert times.runs == 12
    kinds = [layer.type for layer in times.layers]
    assert sum("fused" in kind for kind in kinds) >= 2
    assert kinds.count("convolution") == 2
    assert "fused" in kinds[0]  # the input is reordered to NHWC first
    assert all(layer.time_ms.median > 0 for layer in times.layers if layer.type == "convolution")


def test_a_batch_size_out_of_range_is_refused(workshop: Workshop, package: Package) -> None:
    with pytest.raises(EngineError, match="batch sizes 1 to 4, not for 5"):
        package.backend.load(package.folder, package.built.files, workshop.spec("convnet"), 5)


def test_a_damaged_package_is_refused(workshop: Workshop, package: Package, tmp_path: Path) -> None:
    content = (package.folder / "engine.pt2").read_bytes()
    (tmp_path / "engine.pt2").write_bytes(content[: len(content) // 2])
    with pytest.raises(EngineError, match=r"AOTInductor could not load .*engine\.pt2"):
        package.backend.load(tmp_path, ["engine.pt2"], workshop.spec("convnet"), 1)


def test_bf16_in_nhwc_order(workshop: Workshop, compiled: Callable[..., Built], tmp_path: Path) -> None:
    need_instructions("bf16")
    backend = make_backend({"kind": "inductor", "channels_last": True})
    built = compiled(backend, "convnet", tmp_path, "bf16")
    assert built.holds_precision is True
    assert set(built.layer_dtypes) == {"bfloat16"}
    session = workshop.load(backend, "convnet", tmp_path, built, 3, "bf16")
    assert session._inputs[0].is_contiguous(memory_format=torch.channels_last)  # type: ignore[attr-defined]
    workshop.assert_close(session, "convnet", 3, "bf16")
    # no kernel that reorders the input before the first convolution
    assert session.layers(runs=1, max_s=60).layers[0].type == "convolution"


def test_several_inputs_integers_and_a_dict(workshop: Workshop, compiled: Callable[..., Built], tmp_path: Path) -> None:
    (tmp_path / "mixed.py").write_text(MIXED)
    inputs = {"tokens": {"shape": [6], "dtype": "int64", "high": 100}, "x": {"shape": [12]}}
    workshop.add("mixed", {"source": "file", "factory": f"{tmp_path}/mixed.py:mixed", "inputs": inputs})
    out = tmp_path / "out"
    out.mkdir()
    backend = make_backend({"kind": "inductor"})
    built = compiled(backend, "mixed", out)
    for size in (1, 3):
        session = workshop.load(backend, "mixed", out, built, size)
        workshop.assert_close(session, "mixed", size)
        assert [o.shape for o in session.outputs()] == [(size, 10), (size, 4)]


@pytest.fixture
def told(monkeypatch) -> dict[str, Any]:
    """What Inductor is told, and what it finds around it, when it is asked to compile; it compiles nothing."""
    told: dict[str, Any] = {}

    def compile(program: object, package_path: str, inductor_configs: dict) -> None:
        told.update(inductor_configs, ptxas=os.environ.get("TRITON_PTXAS_PATH"), gradients=torch.is_grad_enabled())
        if "meanwhile" in told:
            told["meanwhile"]()
        zipfile.ZipFile(package_path, "w").close()

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", compile)
    return told


def test_options_reach_inductor(workshop: Workshop, tmp_path: Path, told: dict[str, Any]) -> None:
    other = {"max_autotune": True, "coordinate_descent": True, "kernel_profile": False, "freeze": True}
    for options in ({}, other):
        workshop.build(make_backend({"kind": "inductor", **options}), "pair", tmp_path)
        assert told["max_autotune"] is options.get("max_autotune", False)
        assert told["coordinate_descent_tuning"] is options.get("coordinate_descent", False)
        assert told["cpp.enable_kernel_profile"] is options.get("kernel_profile", True)
        assert told["freezing"] is options.get("freeze", False)
        assert told["gradients"] is False  # else nothing is frozen
        assert told["cpp.cxx"] == (None, Machine.detect().compiler)
        assert "cpp.vec_isa_ok" not in told


def test_for_a_gpu_nothing_is_compiled_to_find_the_processors_vector_instructions(workshop: Workshop) -> None:
    on_gpu = replace(workshop.spec("pair"), device="cuda:0")
    assert make_backend({"kind": "inductor"})._config(on_gpu)["cpp.vec_isa_ok"] is False


@pytest.fixture
def on_gpu(workshop: Workshop, tmp_path: Path, told: dict[str, Any], monkeypatch) -> Callable[..., Built]:
    """Builds as for a GPU, of which only the part around the compilation runs; the compilation itself is `told`'s."""
    monkeypatch.setattr(inductor, "configure_torch", lambda spec: None)
    monkeypatch.setattr(exported, "fitted_program", lambda *_: None)

    def build(options: dict[str, Any], turn: Callable[[], Any] = nullcontext) -> Built:
        spec = replace(workshop.spec("pair"), device="cuda:0", kernel_timing_turn=turn)
        return make_backend({"kind": "inductor", **options}).build(tmp_path, spec, tmp_path)

    return build


@pytest.mark.parametrize("cuda_graph", [False, True])
def test_kernels_are_timed_in_turns_and_as_they_will_be_run(
    on_gpu: Callable[..., Built], told: dict[str, Any], monkeypatch, cuda_graph: bool
) -> None:
    order: list[str] = []

    def time_ms(timer: ReplayTimer, candidate: object) -> float | None:
        timer.timed += 1
        timer.refused += 1
        return None

    monkeypatch.setattr(ReplayTimer, "time_ms", time_ms)
    monkeypatch.setattr(inductor_benchmark, "_own_stream", nullcontext)
    monkeypatch.setattr(benchmarking, "benchmarker", Benchmarker(order))
    told["meanwhile"] = lambda: benchmarking.benchmarker.benchmark(lambda: None)
    built = on_gpu({"cuda_graph": cuda_graph}, turns(order))
    benchmarking.benchmarker.benchmark(lambda: None)
    assert order == ["begin", "by itself", "end", "by itself"]
    assert ("kernels timed as a CUDA graph replays them: 1" in built.notes) is cuda_graph
    assert any("cannot be captured: 1" in note for note in built.notes) is cuda_graph


@pytest.fixture
def ptxas(tmp_path: Path, monkeypatch) -> Path:
    """A ptxas in PyTorch's package, as torch 2.11 has one."""
    program = tmp_path / "torch" / "bin" / "ptxas"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.setattr(torch, "__file__", str(tmp_path / "torch" / "__init__.py"))
    monkeypatch.setenv("TRITON_PTXAS_PATH", "")  # restored afterwards
    monkeypatch.delenv("TRITON_PTXAS_PATH")
    return program


def test_kernels_are_assembled_by_what_pytorchs_workers_take(
    on_gpu: Callable[..., Built], told: dict[str, Any], tmp_path: Path, ptxas: Path, monkeypatch
) -> None:
    on_gpu({})
    assert told["ptxas"] == str(ptxas)
    assert "TRITON_PTXAS_PATH" not in os.environ
    # the workers' own choice, which this one must equal
    monkeypatch.setattr(compile_tasks, "__file__", str(tmp_path / "torch" / "_inductor" / "runtime" / "tasks.py"))
    compile_tasks._set_triton_ptxas_path.cache_clear()
    compile_tasks._set_triton_ptxas_path()
    assert os.environ["TRITON_PTXAS_PATH"] == told["ptxas"]


def test_a_users_own_assembler_is_kept(
    on_gpu: Callable[..., Built], told: dict[str, Any], ptxas: Path, monkeypatch
) -> None:
    monkeypatch.setenv("TRITON_PTXAS_PATH", "/mine/ptxas")
    on_gpu({})
    assert told["ptxas"] == "/mine/ptxas"


def test_a_build_for_a_cpu_touches_neither_tritons_assembler_nor_the_timing_of_kernels(
    workshop: Workshop, tmp_path: Path, told: dict[str, Any], ptxas: Path, monkeypatch
) -> None:
    monkeypatch.setattr(benchmarking, "benchmarker", Benchmarker([]))
    told["meanwhile"] = lambda: told.update(replaced="benchmark_gpu" in vars(benchmarking.benchmarker))
    workshop.build(make_backend({"kind": "inductor", "max_autotune": True}), "pair", tmp_path)
    assert told["ptxas"] is None
    assert told["replaced"] is False


def test_freezing_folds_batch_normalization(
    workshop: Workshop, compiled: Callable[..., Built], package: Package, tmp_path: Path
) -> None:
    backend = make_backend({"kind": "inductor", "freeze": True})
    built = compiled(backend, "convnet", tmp_path)
    frozen = workshop.load(backend, "convnet", tmp_path, built, 3)
    workshop.assert_close(frozen, "convnet", 3)
    not_frozen = workshop.load(package.backend, "convnet", package.folder, package.built, 3)
    normalised = [
        any("batch_norm" in layer.type for layer in session.layers(runs=1, max_s=60).layers)
        for session in (frozen, not_frozen)
    ]
    assert normalised == [False, True]


def test_decomposed_depthwise_convolutions_are_fused_kernels(
    workshop: Workshop, compiled: Callable[..., Built], tmp_path: Path
) -> None:
    (tmp_path / "separable.py").write_text(SEPARABLE)
    inputs = {"image": {"shape": [3, 12, 12]}}
    workshop.add("separable", {"source": "file", "factory": f"{tmp_path}/separable.py:separable", "inputs": inputs})
    backend = make_backend({"kind": "inductor", "decompose_depthwise": True})
    built = compiled(backend, "separable", tmp_path)
    assert "depthwise convolutions decomposed: 1" in built.notes
    for size in (1, 4):
        session = workshop.load(backend, "separable", tmp_path, built, size)
        workshop.assert_close(session, "separable", size)
    kinds = [layer.type for layer in session.layers(runs=2, max_s=60).layers]
    assert kinds.count("convolution") == 1  # that of kernel size 1


def test_what_the_compiler_says_is_one_line(workshop: Workshop, tmp_path: Path, monkeypatch) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *--version*|*-dumpversion*) exec {Machine.detect().compiler} "$@";; esac\n'
        "echo 'In file included from x.h:1:' >&2\n"
        "echo 'x.cpp:3:1: error: no room for widgets' >&2\n"
        "echo 'x.cpp:9:1: error: and another' >&2\n"
        "exit 1\n"
    )
    compiler.chmod(0o755)
    monkeypatch.setattr(inductor, "find_compiler", lambda: str(compiler))
    backend = make_backend({"kind": "inductor"})
    source = workshop.source(backend, "pair")
    with pytest.raises(BuildError) as raised:
        backend.build(source, workshop.spec("pair"), tmp_path)
    message = str(raised.value)
    assert "AOTInductor could not compile" in message
    assert "no room for widgets" in message
    assert "another" not in message
    assert "\n" not in message


def test_what_is_no_program_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "model.pt2").write_bytes(b"nothing")
    with pytest.raises(BuildError, match=r"model\.pt2"):
        make_backend({"kind": "inductor"}).build(tmp_path, workshop.spec("pair"), tmp_path)


def test_a_program_of_fixed_batch_size_is_refused_for_several(workshop: Workshop, tmp_path: Path) -> None:
    source = workshop.export("pair", "exported_program", batch_size=2)
    with pytest.raises(BuildError, match=r"fixed batch size of 2 at input 'x'.*dynamic batch"):
        make_backend({"kind": "inductor"}).build(source, workshop.spec("pair"), tmp_path)


def test_a_compiler_is_asked_for_at_planning() -> None:
    bare = Machine("a processor", frozenset(), 2, (), None, None)
    refusal = make_backend({"kind": "inductor"}).cannot_build(request("fp32", machine=bare))
    assert refusal == "needs a C++ compiler, and none was found: install g++ (or name one in CXX)"


def test_coordinate_descent_is_for_gpus_and_times_kernels() -> None:
    backend = make_backend({"kind": "inductor", "coordinate_descent": True})
    assert "on a CPU" in backend.cannot_build(request("fp32"))
    assert backend.cannot_build(request("fp32", "cuda:0", machine(gpus=(gpu(),)))) is None
    assert backend.times_kernels("cuda:0")


@pytest.mark.parametrize(("library", "own"), [(b"\x7fELF libstdc++.so.6", False), (b"\x7fELF libm.so.6", True)])
def test_a_package_with_a_c_plus_plus_library_of_its_own_is_told(tmp_path, library, own):
    with zipfile.ZipFile(tmp_path / "engine.pt2", "w") as archive:
        archive.writestr("engine/data/aotinductor/model/model.wrapper.so", library)
        archive.writestr("engine/data/aotinductor/model/model.wrapper.cpp", b"int x;")
    assert inductor.carries_own_runtime(tmp_path / "engine.pt2") is own
