"""Every private part of Inductor, PyTorch's compiler, that this backend uses.

See `bakeoff.core.private_parts` for what is expected of such a module. What is called elsewhere in this folder is
public: `torch._inductor.aoti_compile_and_package` and `aoti_load_package` are so by PyTorch's documentation of
AOTInductor, in spite of the underscore in their module's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from bakeoff.core.private_parts import PrivatePart

LOADER = PrivatePart(
    "torch",
    "_C._aoti.AOTIModelPackageLoader",
    "packages are loaded by torch._inductor.aoti_load_package, which may first compile test programs for the "
    "processor's vector instructions, and load_s counts that",
)
COMPILED_MODEL = PrivatePart("torch._inductor.package", "AOTICompiledModel", LOADER.without)
BENCHMARK_GPU = PrivatePart(
    "torch._inductor.runtime.benchmarking",
    "benchmarker.benchmark_gpu",
    "Inductor times the kernels that it chooses among launch by launch, and possibly while other builds time theirs",
)
BENCHMARK_LOCK = PrivatePart(
    "torch._inductor.runtime.benchmarking",
    "set_gpu_benchmark_lock_context",
    "only what goes through benchmark_gpu is timed in turns with other builds (torch 2.11 has no other way)",
)
COMPILE_THREADS = PrivatePart(
    "torch._inductor.config", "compile_threads", "Inductor starts as many compile workers as it likes"
)
CLEAR_CACHES = PrivatePart(
    "torch._inductor.utils", "clear_caches", "a second build in the same process may find what the first one cached"
)
FAKE_TENSOR_MODE = PrivatePart(
    "torch._subclasses.fake_tensor",
    "FakeTensorMode.cache_clear",
    "autotuning may refuse kernels whose results lie in another memory order than the capture's did",
)
PARTS = (LOADER, COMPILED_MODEL, BENCHMARK_GPU, BENCHMARK_LOCK, COMPILE_THREADS, CLEAR_CACHES, FAKE_TENSOR_MODE)


def missing_parts(device: str, times_kernels: bool) -> list[str]:
    """Notes for the record of a build: what the installed PyTorch lacks, and what that means for such a build.

    Args:
        device: `cpu` or `cuda:<index>`.
        times_kernels: Whether the build chooses among kernels by timing them.
    """
    concerned = [LOADER if LOADER.find() is None else COMPILED_MODEL]
    if device != "cpu" and times_kernels:
        concerned += [BENCHMARK_GPU, FAKE_TENSOR_MODE]
    return [note for part in concerned for note in part.notes_if_missing()]


def load_package(package: Path, single_threaded: bool, device_index: int) -> Callable[..., Any]:
    """Load a compiled package, by the loader itself where PyTorch has it.

    The public aoti_load_package around it also compiles test programs for the processor's vector instructions, 5 to
    25 s of g++ in a fresh cache, only to compare the names of two machines (github.com/pytorch/pytorch/issues/191715).

    Args:
        package: The .pt2 file.
        single_threaded: Run without the locks that let several threads share the model. They query CUDA events, which
            nothing may do while a CUDA graph is captured.
        device_index: Index of the GPU; -1 for a CPU.

    Returns:
        What runs the model on tensors. Raises whatever PyTorch raises for a package that it cannot load.
    """
    import torch._inductor

    loader, compiled_model = LOADER.find(), COMPILED_MODEL.find()
    compiled: Callable[..., Any] | None = None
    if loader is not None and compiled_model is not None:
        with suppress(TypeError):  # raised where the loader takes other arguments than in the versions known here
            compiled = compiled_model(loader(str(package), "model", single_threaded, 1, device_index))
    return compiled or torch._inductor.aoti_load_package(
        str(package), run_single_threaded=single_threaded, device_index=device_index
    )


def import_loader() -> None:
    """Import what `load_package` uses."""
    import torch._inductor  # noqa: F401

    COMPILED_MODEL.find()


def set_compile_threads(threads: int) -> None:
    """Have Inductor compile with at most this many workers; by default each build would start one for every core."""
    if COMPILE_THREADS.find() is not None:
        import torch._inductor.config

        torch._inductor.config.compile_threads = threads


def clear_caches_in_memory() -> None:
    """Empty what Inductor and PyTorch's tracing keep in this process's memory.

    The cache of FakeTensor is among that: it can hold a first convolution of the capture before as NCHW which cuDNN
    answers in NHWC, and Inductor's autotuning then refuses cuDNN's result (torch 2.11 on an H200).
    """
    for part in (CLEAR_CACHES, FAKE_TENSOR_MODE):
        clear = part.find()
        if clear is not None:
            clear()


@contextmanager
def gpu_benchmark(
    replacement: Callable[[Callable[..., Any]], Callable[..., Any]], turn: Callable[[], AbstractContextManager[None]]
) -> Iterator[None]:
    """Within the block, have Inductor time kernels on a GPU by another function, and whatever else it times in turns.

    Args:
        replacement: Given the function by which Inductor times a kernel, the one that it shall call instead.
        turn: Gives the context of a timing; entered for those that do not go through that function.

    Where the installed PyTorch has no such function to replace, Inductor times by its own means.
    """
    by_itself, register = BENCHMARK_GPU.find(), BENCHMARK_LOCK.find()
    before = register(turn) if register is not None else None
    benchmarker: Any = None
    if by_itself is not None:
        from torch._inductor.runtime import benchmarking

        benchmarker = benchmarking.benchmarker
        benchmarker.benchmark_gpu = replacement(by_itself)
    try:
        yield
    finally:
        if benchmarker is not None:
            del benchmarker.benchmark_gpu
        if register is not None:
            register(before)
