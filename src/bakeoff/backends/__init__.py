"""The backend registry: every file of this folder that defines a Backend is a kind.

Importing this package imports no inference library: a backend's file imports its library inside the
functions that need it.

`BAKEOFF_BACKENDS` names further folders (separated like those of `PATH`) whose Python files are backends too, for one
that is not part of Bakeoff.
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
