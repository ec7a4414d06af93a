"""The C++ compiler that Inductor's packages are compiled with: where it lies, and its version."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess


def find_compiler() -> str | None:
    """Path of the C++ compiler: $CXX, else g++, else clang++; None where there is none."""
    return shutil.which(os.environ.get("CXX") or "g++") or shutil.which("clang++")


@functools.cache
def compiler_version(path: str) -> str:
    """Path and version of a compiler in one line; where it does not tell its version, why not.

    Both count: distributions of compilers differ under one version, and an upgrade leaves the path as it was.
    """
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        return f"{path} (its version is unknown: {type(error).__name__})"
    lines = said.stdout.strip().splitlines()
    return f"{path} ({lines[0].strip()})" if lines else f"{path} (it tells no version)"
