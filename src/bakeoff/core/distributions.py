"""Versions of the Python distributions that are installed."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterable


@functools.cache
def version_of(distribution: str) -> str | None:
    """The installed version of a distribution; None where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions_of(distributions: Iterable[str]) -> dict[str, str]:
    """Installed versions by name; those that are not installed are left out."""
    found = {name: version_of(name) for name in distributions}
    return {name: version for name, version in found.items() if version is not None}
