"""The sections of a report: every file of this folder in which `@section` stands is one.

A new section is a new file here and nothing else: contents, HTML, Markdown and order follow from it.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil

from bakeoff.report.section import SectionKind


@functools.cache
def all_sections() -> tuple[SectionKind, ...]:
    """Every section, in the order of a report.

    Raises:
        ValueError: Two files have the same anchor.
    """
    found: dict[str, SectionKind] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        for thing in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(thing, SectionKind):
                if thing.anchor in found:
                    raise ValueError(f"{module.name}.py: another section has the anchor {thing.anchor!r} already")
                found[thing.anchor] = thing
    return tuple(sorted(found.values(), key=lambda kind: (kind.rank, kind.anchor)))
