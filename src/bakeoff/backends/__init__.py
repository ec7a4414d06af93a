"""The backend registry: every module here whose namespace holds a class of a Backend with a `kind` is a kind.

A kind is one file, or one folder: a package whose `__init__.py` imports its Backend from a file of that folder, beside
which its helper files lie. What several kinds share is in `bakeoff.backends.shared`, which defines no Backend.

Importing this package imports no inference library: a backend imports its library inside the functions that need it.

The environment variable `BAKEOFF_BACKENDS` names further folders (separated like those of `PATH`) in which to look for
such files and folders, for backends that are not part of Bakeoff.
"""

import os
from typing import Any

from bakeoff.backends.base import Backend
from bakeoff.backends.options import BackendOptions
from bakeoff.core.registry import discover

__path__ += filter(None, os.environ.get("BAKEOFF_BACKENDS", "").split(os.pathsep))


_KINDS = discover(__name__, __path__, Backend, "kind")  # type: ignore[type-abstract]

KINDS: tuple[str, ...] = tuple(_KINDS)
"""Names of all backend kinds, in the order in which reports list them."""


def kind_class(kind: str) -> type[Backend]:
    """The class of a backend kind. Raises KeyError for an unknown one."""
    return _KINDS[kind]


def options_of(kind: str) -> type[BackendOptions]:
    """The options schema of a backend kind. Raises KeyError for an unknown one."""
    return _KINDS[kind].Options


def make_backend(options: BackendOptions | dict[str, Any]) -> Backend:
    """The backend for one config entry, given as options or as their JSON form (with `kind`)."""
    if isinstance(options, dict):
        options = options_of(options["kind"]).model_validate(options)
    return _KINDS[options.kind](options)
