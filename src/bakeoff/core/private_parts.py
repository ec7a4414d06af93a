"""Private parts of other libraries: each is looked up when it is needed, and Bakeoff goes on where it is missing.

A private part may vanish or move with any release of its library. So none is imported or called directly. Each stands
once, as a `PrivatePart`, in the module for its library, beside the function through which Bakeoff uses it:

- `bakeoff.core.torch_private` for PyTorch apart from its compiler,
- `bakeoff.backends.inductor.private` for PyTorch's compiler, Inductor.

Those modules list their parts in `PARTS`; tests/unit/test_private_parts.py holds that each still exists in the
installed version, that it still does what it is used for, and that everything goes on without it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


class MissingPrivatePart(RuntimeError):
    """The installed version of a library lacks a private part that nothing public can stand in for."""


@dataclass(frozen=True)
class PrivatePart:
    """Something of another library that does not belong to its public interface."""

    module: str
    """The module to import."""
    name: str
    """Where in that module it is: attributes, joined by dots."""
    without: str
    """What Bakeoff does without it and what that changes, as a note in a record says it."""

    def find(self) -> Any | None:
        """The part itself; None where the installed version has no such thing."""
        try:
            found: Any = importlib.import_module(self.module)
            for attribute in self.name.split("."):
                found = getattr(found, attribute)
        except (ImportError, AttributeError):
            return None
        return found

    def require(self) -> Any:
        """The part itself. Raises MissingPrivatePart where the installed version has no such thing."""
        found = self.find()
        if found is None:
            raise MissingPrivatePart(self.note)
        return found

    def notes_if_missing(self) -> list[str]:
        """The note for a record, where the installed version has no such thing; else nothing."""
        return [] if self.find() is not None else [self.note]

    @property
    def note(self) -> str:
        """What is missing and what follows from that."""
        return f"the installed version has no {self.module}.{self.name}: {self.without}"
