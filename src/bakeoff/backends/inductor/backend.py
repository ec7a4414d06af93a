"""AOTInductor: PyTorch's compiler, ahead of time, into a package that loads without compiling again."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from bakeoff.backends.base import Backend, Built, EngineSpec, ExportKey, Request, Session
from bakeoff.backends.inductor import private
from bakeoff.backends.inductor.compile_environment import caches_in, same_assembler
from bakeoff.backends.inductor.kernel_benchmark import ReplayTimer, kernels_timed
from bakeoff.backends.options import cuda_graph_refusal
from bakeoff.backends.shared.torch_session import (
    TorchOptions,
    TorchSession,
    configure_torch,
    import_torch_profiler,
    torch_precision_refusal,
)
from bakeoff.core.compiler import find_compiler
from bakeoff.core.errors import BuildError, EngineError
from bakeoff.core.operator_libraries import with_operators
from bakeoff.core.precision import Precision
from bakeoff.core.quoting import build_failure
from bakeoff.core.torch_private import SLEEP
from bakeoff.models.sources import source_class

if TYPE_CHECKING:
    import torch

PACKAGE = "engine.pt2"


class InductorOptions(TorchOptions):
    """AOTInductor, from an ExportedProgram to a .pt2 package."""

    kind: Literal["inductor"] = "inductor"
    max_autotune: bool = False
    """Try several implementations of matrix products and convolutions at build time and keep the fastest: with
    `cuda_graph` as a graph replays them, else launched one by one."""
    freeze: bool = False
    """Fold batch normalization into the convolutions and lay weights out at build time (Inductor's freezing, which
    PyTorch leaves off, too). On a CPU convolutional networks gain by it; try it, for transformers may lose."""
    coordinate_descent: bool = False
    """Go on from the block sizes that Inductor chose for each kernel of Triton, one step at a time, for as long as the
    kernel gets faster; part of PyTorch's own mode `max-autotune` (NVIDIA GPUs only; on an H200 mobilenet_v2 at batch 1
    became 4 % faster than with `max_autotune` alone, and its build 10 s longer)."""
    decompose_depthwise: bool = False
    """Hand depthwise convolutions to the compiler as products and sums, so that each becomes one kernel with the
    normalization and activation behind it, instead of a library's and a second one. For batch 1 on a GPU (with
    `max_autotune` mobilenet_v2 became 17 % faster on an H200); large batches and CPUs lose by it."""
    kernel_profile: bool = True
    """Mark the compiled CPU kernels for the profiler. A mark costs about 0.1 µs: 2 % of a network that takes 40 µs,
    nothing measurable of one that takes milliseconds. Without, profiles show the operators left to ATen only."""
    warm_build: bool = False
    """Build a second time with the caches of the first, for warm_build_s; build_s is always from empty caches."""


class Inductor(Backend):
    """Runs a package compiled ahead of time."""

    kind = "inductor"
    summary = "torch.export and AOTInductor: compiled ahead of time, loaded without compiling again"
    rank = 30
    Options = InductorOptions
    compiles_cpp = True
    options: InductorOptions

    def __init__(self, options: InductorOptions) -> None:
        super().__init__(options)
        self._latest: _Compilation | None = None

    def export_key(self, precision: Precision) -> ExportKey:
        """An ExportedProgram with weights in the target's dtype."""
        return ExportKey("exported_program", precision if precision in ("fp16", "bf16") else "fp32")

    def distributions(self) -> tuple[str, ...]:
        """See Backend.distributions."""
        return ("torch", "triton")

    def running_options(self, device: str) -> frozenset[str]:
        """See Backend.running_options: none, since a build times kernels as `cuda_graph` will have them run."""
        return frozenset()

    def cannot_build(self, request: Request) -> str | None:
        """See Backend.cannot_build."""
        source = source_class(request.source)
        if not source.has_python_code:
            return f"{source.noun} cannot be turned into an ExportedProgram"
        if request.machine.compiler is None:
            return "needs a C++ compiler, and none was found: install g++ (or name one in CXX)"
        if self.options.coordinate_descent and request.device == "cpu":
            return "coordinate_descent tunes kernels of Triton, and Inductor has none of those on a CPU"
        return cuda_graph_refusal(self.options, request.device) or torch_precision_refusal(request)

    def build_length(self) -> int:
        """See Backend.build_length."""
        return 2 if self._tunes() else 1

    def times_kernels(self, device: str) -> bool:
        """See Backend.times_kernels."""
        return self._tunes()

    def import_library(self) -> None:
        """See Backend.import_library."""
        private.import_loader()

    def import_profiler(self) -> None:
        """See Backend.import_profiler."""
        import_torch_profiler()

    def build(self, export: Path, spec: EngineSpec, out: Path) -> Built:
        """See Backend.build: compiled from empty caches, as by whoever builds the engine for the first time."""
        from bakeoff.backends.inductor.depthwise import decompose_depthwise
        from bakeoff.backends.shared.exported import fitted_program

        configure_torch(spec)
        private.set_compile_threads(spec.threads)
        built = Built(files=[PACKAGE])

        def rewrite(module: torch.fx.GraphModule) -> None:
            if self.options.decompose_depthwise:
                built.notes.append(f"depthwise convolutions decomposed: {decompose_depthwise(module)}")

        program = fitted_program(export / "model.pt2", spec, self.options.channels_last, rewrite)
        timer = ReplayTimer() if self.options.cuda_graph else None
        self._latest = _Compilation(program, self._config(spec), partial(_on_device, spec, timer))
        self._latest.compile(out / PACKAGE, f"AOTInductor could not compile {export}")
        if timer and SLEEP.find() is None:
            built.notes.append(f"kernels timed otherwise: {SLEEP.note}")
        if timer and timer.timed:
            built.notes.append(f"kernels timed as a CUDA graph replays them: {timer.timed}")
        if timer and timer.refused:
            built.notes.append(f"kernels timed launch by launch, since they cannot be captured: {timer.refused}")
        return built

    def inspect(self, folder: Path, built: Built, spec: EngineSpec) -> None:
        """See Backend.inspect: dtypes of what the package calls; the warm build where one is asked for."""
        from bakeoff.backends.inductor.package_dtypes import package_dtypes
        from bakeoff.backends.shared.torch_dtypes import products_in
        from bakeoff.profiling.precision_held import record_dtypes

        latest, self._latest = self._latest, None
        if latest is None:
            raise BuildError("only a package that was just built can be inspected")
        record_dtypes(built, package_dtypes(folder / PACKAGE), spec.precision, at_least=products_in(latest.program))
        built.notes += private.missing_parts(spec.device, self._tunes())
        if carries_own_runtime(folder / PACKAGE):
            built.notes.append(
                f"{find_compiler()} links the C++ library statically, and such a package crashes when PyTorch, which "
                "has its own, loads it: name another compiler in CXX (CXX=/usr/bin/g++)"
            )
        if self.options.warm_build:
            with TemporaryDirectory() as scratch:
                start = time.perf_counter()
                latest.compile(Path(scratch) / PACKAGE, "AOTInductor could not compile a second time")
                built.warm_build_s = time.perf_counter() - start
        latest.close()

    def load(self, folder: Path, files: list[str], spec: EngineSpec, batch_size: int) -> Session:
        """See Backend.load."""
        configure_torch(spec)
        spec.check_batch(batch_size)
        package = folder / files[0]
        device_index = -1 if spec.device == "cpu" else int(spec.device.partition(":")[2])
        try:
            graph = self.options.cuda_graph
            compiled = with_operators(
                lambda: private.load_package(package, single_threaded=graph, device_index=device_index)
            )
        except Exception as error:
            raise EngineError(f"AOTInductor could not load {package}: {build_failure(error)}") from error
        # The package reads its inputs in the memory order that it was compiled for, and does not check theirs.
        return TorchSession(compiled, spec, self.options.channels_last, self.options.cuda_graph)

    def _tunes(self) -> bool:
        return self.options.max_autotune or self.options.coordinate_descent

    def _config(self, spec: EngineSpec) -> dict[str, Any]:
        """What differs from Inductor's defaults.

        Not force_layout_optimization: on a CPU convolutions are NHWC inside the package anyway (measured: the same
        package with and without), and what counts is the order of inputs and weights, which is the program's.
        """
        config: dict[str, Any] = {
            "max_autotune": self.options.max_autotune,
            "coordinate_descent_tuning": self.options.coordinate_descent,
            "freezing": self.options.freeze,
        }
        if spec.device == "cpu":
            config["cpp.enable_kernel_profile"] = self.options.kernel_profile
        else:
            # Inductor would compile test programs for the processor's vector instructions, 25 s of g++ in an empty
            # cache, which a package of GPU kernels has no use for.
            config["cpp.vec_isa_ok"] = False
        compiler = find_compiler()
        if compiler is not None:
            config["cpp.cxx"] = (None, compiler)  # Inductor itself would look for g++ only
        return config


class _Compilation:
    """A program, its settings, and a cache folder of its own that lives as long as it is compiled."""

    def __init__(
        self,
        program: torch.export.ExportedProgram,
        config: dict[str, Any],
        surroundings: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """`surroundings` gives the context in which to compile."""
        self.program = program
        self._config = config
        self._surroundings = surroundings
        self._folder = TemporaryDirectory(prefix="bakeoff-inductor-")

    def compile(self, package: Path, failure: str) -> None:
        """Compile into a package. Raises BuildError, which begins with `failure` and quotes Inductor in one line."""
        import torch
        import torch._inductor

        # Inductor freezes nothing where gradients are on.
        with caches_in(Path(self._folder.name)), self._surroundings(), torch.no_grad():
            try:
                torch._inductor.aoti_compile_and_package(
                    self.program, package_path=str(package), inductor_configs=dict(self._config)
                )
            except Exception as error:
                raise BuildError(f"{failure}: {build_failure(error)}") from error

    def close(self) -> None:
        """Remove the caches."""
        self._folder.cleanup()


def carries_own_runtime(package: Path) -> bool:
    """Whether a compiled library of the package was linked with the C++ library inside, and not to the shared one."""
    with zipfile.ZipFile(package) as archive:
        libraries = [archive.read(name) for name in archive.namelist() if name.endswith(".so")]
    return any(not any(shared in library for shared in (b"libstdc++.so", b"libc++.so")) for library in libraries)


@contextmanager
def _on_device(spec: EngineSpec, timer: ReplayTimer | None) -> Iterator[None]:
    """The context in which a program is compiled for a GPU: how kernels are timed, and what assembles them.

    A CPU has neither, so nothing is done there.
    """
    if spec.device == "cpu":
        yield
        return
    with kernels_timed(spec.kernel_timing_turn, timer), same_assembler():
        yield
