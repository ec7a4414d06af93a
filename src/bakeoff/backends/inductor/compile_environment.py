"""What a compilation by Inductor finds around it: the folders of its caches, and Triton's assembler."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bakeoff.backends.inductor.private import clear_caches_in_memory

PTXAS = "TRITON_PTXAS_PATH"
"""Environment variable from which Triton takes the path of the assembler."""


@contextmanager
def caches_in(folder: Path) -> Iterator[None]:
    """Within the block, keep all of Inductor's and Triton's caches in a folder; those in memory are emptied before."""
    clear_caches_in_memory()
    with _variables({"TORCHINDUCTOR_CACHE_DIR": str(folder), "TRITON_CACHE_DIR": str(folder / "triton")}):
        try:
            yield
        finally:
            clear_caches_in_memory()


@contextmanager
def same_assembler() -> Iterator[None]:
    """Within the block, have this process assemble Triton's kernels by the program that PyTorch's compile workers use.

    That is the ptxas in PyTorch's own package, where it has one (torch 2.11: CUDA 13.0; Triton's own is of 12.8). The
    workers take it, the process that started them would not, and Triton's cache tells kernels apart by their assembler.
    So each of the hundreds of kernels that autotuning tries was compiled a second time, one after another, when it was
    timed (70 % of the build of a mobilenet_v2 on an H200). A path that the user has set is left as it is.
    """
    import torch

    ptxas = Path(torch.__file__).absolute().parent / "bin" / "ptxas"
    wanted = PTXAS not in os.environ and ptxas.is_file() and os.access(ptxas, os.X_OK)
    with _variables({PTXAS: str(ptxas)} if wanted else {}):
        yield


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables that are set within the block, and as before after it."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
