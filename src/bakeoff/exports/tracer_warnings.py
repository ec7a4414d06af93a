"""What a tracer warns of: decisions of a model's code on values, of which the trace keeps the one it saw."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEEPS = "the trace keeps one of several ways"
"""How the note begins, by which it is told from other notes of an export."""
SHOWN = 3
"""Places that are named."""


@contextmanager
def decisions_on_values(notes: list[str]) -> Iterator[None]:
    """Add a note for the places in a model's code where a trace keeps one of several ways; other warnings pass.

    A trace of such a model may be right on the inputs that it is judged on and wrong on others.
    """
    import torch

    places: dict[str, None] = {}
    shown = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: object) -> None:
        if issubclass(category, torch.jit.TracerWarning) and "Python" in str(message):
            places[f"{Path(filename).name}, line {lineno}"] = None
        else:
            shown(message, category, filename, lineno, *rest)  # type: ignore[arg-type]

    with warnings.catch_warnings():
        warnings.simplefilter("always", torch.jit.TracerWarning)
        warnings.showwarning = show  # type: ignore[assignment]
        yield
    if places:
        more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
        notes.append(
            f"{KEEPS} that the model's code may take, depending on values: "
            f"{'; '.join(list(places)[:SHOWN])}{more}; it may be wrong for other inputs than those it was judged on"
        )
