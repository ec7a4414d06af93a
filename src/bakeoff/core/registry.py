"""Finds classes by the folder that their file lies in, so that adding one needs no list to be changed."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any, TypeVar

from bakeoff.core.errors import BakeoffError

T = TypeVar("T")


def discover(package: str, folders: Iterable[str], base: type[T], key: str) -> dict[str, type[T]]:
    """Every subclass of `base` that a module of these folders defines or imports and that names itself.

    Args:
        package: the name under which the folders' modules are imported.
        folders: the package's search path; a module of an earlier folder hides one of the same name in a later one.
        base: the protocol that the classes follow; it has an attribute `rank`.
        key: the attribute by which a class names itself. Only a class that sets it in its own body counts, so that
            bases that several share are left out.

    Returns the classes by name, ordered by rank, then by name. Raises BakeoffError where two have the same name.
    """
    found: dict[str, type[Any]] = {}
    for module in sorted(pkgutil.iter_modules(list(folders)), key=lambda m: m.name):
        loaded = importlib.import_module(f"{package}.{module.name}")
        for thing in vars(loaded).values():
            if isinstance(thing, type) and issubclass(thing, base) and key in vars(thing):
                name = vars(thing)[key]
                other = found.setdefault(name, thing)
                if other is not thing:
                    raise BakeoffError(
                        f"{thing.__module__} and {other.__module__} both define {key} '{name}'; rename one of them"
                    )
    return dict(sorted(found.items(), key=lambda item: (item[1].rank, item[0])))
