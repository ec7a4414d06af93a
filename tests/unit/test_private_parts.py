"""Private parts of other libraries: each is there in the installed version, takes effect, and can be done without.

What each one does for Bakeoff is shown without a GPU where it can be; the rest is in tests/gpu/test_gpu_private.py.
"""

import ast
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch._inductor
from torch._inductor.runtime import benchmarking

from bakeoff.artifacts.accuracy import Work
from bakeoff.backends.base import Built, EngineSpec, InputInfo
from bakeoff.backends.inductor import private as inductor_private
from bakeoff.backends.shared.torch_dtypes import record_executed_dtypes
from bakeoff.core import torch_private
from bakeoff.core.private_parts import MissingPrivatePart, PrivatePart
from bakeoff.limits import rates
from bakeoff.limits.work import count_work

SINCE_2_14 = {"set_gpu_benchmark_lock_context"}
"""Parts that torch 2.11 does not have yet."""
ALL = [*torch_private.PARTS, *inductor_private.PARTS]


def take_away(monkeypatch: pytest.MonkeyPatch, module: Any, constant: str) -> PrivatePart:
    """Have a private part not be found, as in a version of its library that has dropped it."""
    gone = replace(getattr(module, constant), name="no_such_thing")
    monkeypatch.setattr(module, constant, gone)
    return gone


@pytest.mark.parametrize("part", ALL, ids=lambda part: part.name)
def test_the_installed_version_has_it(part):
    if part.name in SINCE_2_14 and torch.__version__ < "2.14":
        pytest.skip("torch 2.14 is the first version with it")
    assert part.find() is not None, part.note
    assert part.notes_if_missing() == []


def test_what_is_missing_is_told():
    for part in (PrivatePart("torch", "no.such", "so"), PrivatePart("no_such_module", "thing", "so")):
        assert part.find() is None
        assert part.notes_if_missing() == [f"the installed version has no {part.module}.{part.name}: so"]
        with pytest.raises(MissingPrivatePart, match=part.name):
            part.require()


def _private_uses(source: str) -> set[str]:
    """Attributes and modules of PyTorch with a leading underscore that a file uses, but for Inductor's public entry."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            whole = ast.unparse(node)
            if whole.startswith("torch.") or ".cuda._" in whole:
                found.add(whole)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch."):
            found |= {f"{node.module}.{alias.name}" for alias in node.names if "._" in f"{node.module}.{alias.name}"}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("torch._")}
    return found - {"torch._inductor"}


def test_nothing_private_of_pytorch_is_used_elsewhere(root: Path):
    """`torch._inductor` itself is in PyTorch's documentation of AOTInductor."""
    homes = {"core/torch_private.py", "backends/inductor/private.py"}
    package = root / "src" / "bakeoff"
    uses = {
        file.relative_to(package).as_posix(): _private_uses(file.read_text())
        for file in package.rglob("*.py")
        if "sources" not in file.relative_to(package).parts
    }
    assert {name: found for name, found in uses.items() if found and name not in homes} == {}


# PyTorch


class Cuda:
    """`torch.cuda` of a machine without a GPU; notes how long it is kept busy."""

    def __init__(self) -> None:
        self.slept: list[int] = []

    def _sleep(self, cycles: int) -> None:
        self.slept.append(cycles)


def test_a_delay_is_the_kernel_that_spins(monkeypatch):
    cuda = Cuda()
    monkeypatch.setattr(torch, "cuda", cuda)
    torch_private.delay_gpu(12_345)
    assert cuda.slept == [12_345]


def test_without_it_memory_is_filled_for_at_least_as_long(monkeypatch):
    take_away(monkeypatch, torch_private, "SLEEP")
    filled = []
    buffer = SimpleNamespace(fill_=filled.append)
    monkeypatch.setattr(torch, "empty", lambda *_, **options: buffer if options["device"] == "cuda" else None)
    torch_private.delay_gpu(int(1e-3 * torch_private.HIGHEST_CLOCK_HZ))
    assert len(filled) in (125, 126)  # rounded up


def _linear(kind: str = "float32") -> tuple[torch.nn.Module, EngineSpec]:
    spec = EngineSpec("fp32", "cpu", 1, 1, 1, 1, [InputInfo("x", (4,), kind)])
    return torch.nn.Linear(4, 2).eval(), spec


def test_operators_are_watched():
    built = Built(files=[])
    record_executed_dtypes(built, *_linear())
    assert built.layer_dtypes == {"float32": 1}
    assert built.holds_precision is True
    assert built.notes == []


def test_without_it_types_are_unknown_and_the_record_says_so(monkeypatch):
    gone = take_away(monkeypatch, torch_private, "DISPATCH_MODE")
    built = Built(files=[])
    record_executed_dtypes(built, *_linear())
    assert (built.layer_dtypes, built.holds_precision) == ({}, None)
    assert built.notes == [f"in which types the engine computes is unknown: {gone.note}"]


def test_without_it_the_work_is_unknown(monkeypatch):
    gone = take_away(monkeypatch, torch_private, "DISPATCH_MODE")
    module, _ = _linear()
    work = count_work(module, {"x": np.zeros((2, 4), np.float32)}, "cpu")
    assert work == Work(notes=[f"the work could not be counted: MissingPrivatePart: {gone.note}"])


def test_matrices_of_8_bit_integers_are_multiplied():
    a, b = (torch.randint(-128, 128, (32, 32), dtype=torch.int8) for _ in range(2))
    product = torch_private.int8_product()(a, b)
    assert product.dtype == torch.int32
    assert torch.equal(product, a.int() @ b.int())


def test_without_it_their_rate_is_unknown(monkeypatch):
    gone = take_away(monkeypatch, torch_private, "INT8_PRODUCT")
    monkeypatch.setattr(rates, "LARGEST", 256)
    monkeypatch.setattr(rates, "FINAL_S", 0.01)
    limits = rates.measure_limits("cpu", 1, ["fp32", "int8"])
    assert limits.matrix_flops_per_s["int8"] is None
    assert limits.matrix_flops_per_s["fp32"] > 0
    assert limits.how["int8"] == f"MissingPrivatePart: {gone.note}"


# Inductor


class Loaders:
    """Inductor's two loaders, which load nothing and tell which was used."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.used: list[tuple[Any, ...]] = []
        self.private: Callable[..., Any] = lambda *arguments: self.used.append(arguments) or "loader"
        monkeypatch.setattr(torch._C._aoti, "AOTIModelPackageLoader", lambda *arguments: self.private(*arguments))
        monkeypatch.setattr(inductor_private, "COMPILED_MODEL", PrivatePart("builtins", "list", ""))
        monkeypatch.setattr(torch._inductor, "aoti_load_package", self.public)

    def public(self, path: str, run_single_threaded: bool, device_index: int) -> str:
        self.used.append((path, run_single_threaded, device_index))
        return "public"


def test_packages_are_loaded_by_the_loader_itself(monkeypatch):
    loaders = Loaders(monkeypatch)
    assert inductor_private.load_package(Path("a.pt2"), True, 3) == list("loader")
    assert loaders.used == [("a.pt2", "model", True, 1, 3)]


@pytest.mark.parametrize("missing", ["LOADER", "COMPILED_MODEL"])
def test_without_it_they_are_loaded_the_public_way(monkeypatch, missing):
    loaders = Loaders(monkeypatch)
    gone = take_away(monkeypatch, inductor_private, missing)
    assert inductor_private.load_package(Path("a.pt2"), False, -1) == "public"
    assert loaders.used == [("a.pt2", False, -1)]
    assert inductor_private.missing_parts("cpu", times_kernels=False) == [gone.note]


def test_a_loader_that_takes_other_arguments_is_as_good_as_none(monkeypatch):
    loaders = Loaders(monkeypatch)

    def other(*_: Any) -> None:
        raise TypeError("incompatible constructor arguments")

    loaders.private = other
    assert inductor_private.load_package(Path("a.pt2"), False, -1) == "public"


def test_a_package_that_the_loader_refuses_is_refused(monkeypatch):
    loaders = Loaders(monkeypatch)

    def refuse(*_: Any) -> None:
        raise RuntimeError("damaged")

    loaders.private = refuse
    with pytest.raises(RuntimeError, match="damaged"):
        inductor_private.load_package(Path("a.pt2"), False, -1)
    assert loaders.used == []


def _one_more(by_itself: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **options: by_itself(*arguments, **options) + 1


def test_inductor_times_kernels_by_the_function_in_its_place(monkeypatch):
    """Inductor's own dispatching benchmarker, whose method for GPUs is given a fixed answer."""
    benchmarker = benchmarking.benchmarker
    monkeypatch.setattr(type(benchmarker), "benchmark_gpu", lambda *_, **__: 2.0)
    with inductor_private.gpu_benchmark(_one_more, nullcontext):
        assert benchmarking.benchmarker.benchmark_gpu(lambda: None) == 3.0
    assert benchmarking.benchmarker.benchmark_gpu(lambda: None) == 2.0
    assert "benchmark_gpu" not in vars(benchmarker)


def test_without_it_inductor_times_by_its_own_means(monkeypatch):
    gone = take_away(monkeypatch, inductor_private, "BENCHMARK_GPU")
    take_away(monkeypatch, inductor_private, "BENCHMARK_LOCK")
    monkeypatch.setattr(type(benchmarking.benchmarker), "benchmark_gpu", lambda *_, **__: 2.0)
    with inductor_private.gpu_benchmark(_one_more, nullcontext):
        assert benchmarking.benchmarker.benchmark_gpu(lambda: None) == 2.0
    assert inductor_private.missing_parts("cuda:0", times_kernels=True) == [gone.note]
    assert inductor_private.missing_parts("cuda:0", times_kernels=False) == []
    assert inductor_private.missing_parts("cpu", times_kernels=True) == []


def test_the_number_of_compile_workers_is_set(monkeypatch):
    with torch._inductor.config.patch({"compile_threads": 7}):
        inductor_private.set_compile_threads(3)
        assert torch._inductor.config.compile_threads == 3
        take_away(monkeypatch, inductor_private, "COMPILE_THREADS")
        inductor_private.set_compile_threads(5)
        assert torch._inductor.config.compile_threads == 3


def test_caches_in_memory_are_emptied():
    from torch._inductor.utils import clear_on_fresh_cache
    from torch._subclasses.fake_tensor import FakeTensorMode

    emptied = []
    clear_on_fresh_cache(SimpleNamespace(cache_clear=lambda: emptied.append("Inductor's")))
    with FakeTensorMode() as mode:
        a = torch.empty(3)
        for _ in range(2):
            a + a
    assert FakeTensorMode.cache_info().size > 0
    assert mode is not None
    inductor_private.clear_caches_in_memory()
    assert emptied == ["Inductor's"]
    assert FakeTensorMode.cache_info().size == 0


def test_without_them_nothing_is_emptied_and_nothing_fails(monkeypatch):
    for constant in ("CLEAR_CACHES", "FAKE_TENSOR_MODE"):
        gone = take_away(monkeypatch, inductor_private, constant)
    inductor_private.clear_caches_in_memory()
    assert inductor_private.missing_parts("cuda:0", times_kernels=True) == [gone.note]


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_a_build_goes_on_without_any_of_them(device, tmp_path, monkeypatch):
    """With every private part gone, all around the public compilation still runs, and the record's notes say so."""
    from bakeoff.backends import make_backend
    from bakeoff.backends.inductor import backend as backend_module
    from bakeoff.backends.shared import exported

    for module in (torch_private, inductor_private):
        for constant, part in list(vars(module).items()):
            if isinstance(part, PrivatePart):
                take_away(monkeypatch, module, constant)
    program = torch.export.export(torch.nn.Linear(4, 2).eval(), (torch.zeros(1, 4),))
    monkeypatch.setattr(backend_module, "configure_torch", lambda spec: None)
    monkeypatch.setattr(exported, "fitted_program", lambda *_: program)

    def compile(program: object, package_path: str, inductor_configs: dict) -> None:
        zipfile.ZipFile(package_path, "w").close()

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", compile)
    _, spec = _linear()
    backend = make_backend({"kind": "inductor", "max_autotune": True})
    built = backend.build(tmp_path, replace(spec, device=device), tmp_path)
    backend.inspect(tmp_path, built, replace(spec, device=device))
    assert built.holds_precision is None  # the stand-in's package is empty, so it tells no types
    notes = [note for note in built.notes if note.startswith("the installed version has no ")]
    assert len(notes) == (1 if device == "cpu" else 3)
