"""In which types a compiled package computes, read from the package itself.

A package holds the C++ code that its library was compiled from. Convolutions and matrix products that Inductor leaves
to PyTorch's libraries are calls in it (`aoti_torch_cpu_addmm_out(buf4, ...)`), and each buffer is made with its type
(`aoti_torch_empty_strided(..., cached_torch_dtype_bfloat16, ..., &buf4_handle)`). What a convolution or product gives
(`&buf4_handle` at the end of its call) has the type of what it was given. Products that Inductor writes as
kernels of its own, as its templates for autotuning are, do not say which type they multiply in.

The form of that code is private to PyTorch. Where it is not as expected, nothing is found, and the answer is that it is
not known; tests/unit/backends/test_inductor.py says whether it still is.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from bakeoff.backends.shared.torch_dtypes import kind_of
from bakeoff.profiling.precision_held import is_compute

_CONSTANT = re.compile(r'constants_info_\[(\d+)\]\.(?:name = "(\w+)"|dtype = .*?cached_torch_dtype_(\w+))')
_MADE = re.compile(r"aoti_torch_empty_strided\w*\(.*?cached_torch_dtype_(\w+),.*?&(\w+)_handle\)")
_SAME = re.compile(
    r"\bauto\)? (\w+) = (?:std::move\(|wrap_with_raii_handle_if_needed\(reinterpret_tensor_wrapper\()(\w+)"
)
_CALL = re.compile(r"\baoti_torch_(?:cpu|cuda)_(\w+?)(?:_out)?\((.*)")
_GIVEN = re.compile(r"&(\w+)_handle\b")
_NAME = re.compile(r"\b[A-Za-z_]\w*\b")


def package_dtypes(package: Path) -> list[tuple[str, str | None]]:
    """(operator type, dtype) of each convolution and matrix product that the package calls; None: of unknown type."""
    with zipfile.ZipFile(package) as archive:
        sources = [name for name in archive.namelist() if name.endswith((".wrapper.cpp", "model.cpp"))]
        return [found for name in sources for found in calls(archive.read(name).decode(errors="replace"))]


def calls(source: str) -> Iterator[tuple[str, str | None]]:
    """The same from the C++ code of a package."""
    dtypes: dict[str, str] = {}
    constants: dict[str, str] = {}
    for line in source.splitlines():
        if constant := _CONSTANT.search(line):
            if constant[2]:
                constants[constant[1]] = constant[2]
            elif constant[1] in constants:
                dtypes[constants[constant[1]]] = constant[3]
        elif made := _MADE.search(line):
            dtypes[made[2]] = made[1]
        elif (same := _SAME.search(line)) and same[2] in dtypes:
            dtypes[same[1]] = dtypes[same[2]]
        elif call := _CALL.search(line):
            kind = kind_of(call[1].lstrip("_"))
            if is_compute(kind):
                dtype = next((dtypes[name] for name in _NAME.findall(call[2]) if name in dtypes), None)
                if dtype:
                    dtypes |= dict.fromkeys(_GIVEN.findall(call[2]), dtype)
                yield kind, dtype
