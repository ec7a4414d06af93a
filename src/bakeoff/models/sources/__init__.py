"""The registry of model sources: every file (or folder) here that defines a ModelSource is a `source:` of the config.

Importing this package imports no torch and no model library: a source's file imports its library inside the functions
that need it, because planning a study must stay quick.

`BAKEOFF_SOURCES` names further folders (separated like those of `PATH`) whose Python files are sources too, for one
that is not part of Bakeoff. Such a file needs a name that no file here has.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from bakeoff.core.registry import discover
from bakeoff.models.sources.base import ModelSource
from bakeoff.models.spec import ModelBase

__path__ += filter(None, os.environ.get("BAKEOFF_SOURCES", "").split(os.pathsep))

_SOURCES = discover(__name__, __path__, ModelSource, "name")  # type: ignore[type-abstract]

SOURCES: tuple[str, ...] = tuple(_SOURCES)
"""Names of all sources, in the order in which the documentation lists them."""


def source_class(name: str) -> type[ModelSource]:
    """The class of a source. Raises KeyError for an unknown one."""
    return _SOURCES[name]


def source_of(label: str, section: ModelBase | Mapping[str, Any]) -> ModelSource:
    """One model: its config section, as read or in JSON form, in the hands of its source.

    Raises KeyError for an unknown source and pydantic's ValidationError for a section that its schema refuses.
    """
    if isinstance(section, Mapping):
        section = _SOURCES[section["source"]].Config.model_validate(section)
    return _SOURCES[section.source](label, section)


def source_distributions() -> tuple[str, ...]:
    """Names of the Python distributions that models of any source depend on."""
    return tuple(dict.fromkeys(name for source in _SOURCES.values() for name in source.distributions))
