"""What a compilation by Inductor finds around it: its caches, Triton's assembler."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def caches_in(folder: Path) -> Iterator[None]:
    """Keep all of Inductor's and Triton's caches in a folder, those in this process's memory emptied.

    So is FakeTensor's, which lives as long as the process: of the capture before, it can hold a first convolution as
    NCHW that cuDNN answers in NHWC, and Inductor's autotuning then refuses cuDNN's result (torch 2.11 on an H200).
    """
    from torch._inductor.utils import clear_caches
    from torch._subclasses.fake_tensor import FakeTensorMode

    names = {"TORCHINDUCTOR_CACHE_DIR": folder, "TRITON_CACHE_DIR": folder / "triton"}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: str(path) for name, path in names.items()})
    clear_caches()
    FakeTensorMode.cache_clear()
    try:
        yield
    finally:
        clear_caches()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def same_assembler() -> None:
    """Let this process assemble Triton's kernels with the program that PyTorch's compile workers do it with.

    That is the ptxas in PyTorch's own package, where it has one (torch 2.11: CUDA 13.0; Triton's own is of 12.8). The
    workers take it, the process that started them would not, and Triton's cache tells kernels apart by their assembler:
    each of the hundreds that autotuning tries was compiled a second time, one after another, when it was timed (70 % of
    the build of a mobilenet_v2 on an H200).
    """
    from torch._inductor.runtime import compile_tasks

    compile_tasks._set_triton_ptxas_path()
