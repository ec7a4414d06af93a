"""Keeps Python's garbage collector out of timed regions."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Collect once, then leave the collector off inside the block; afterwards it is as it was before.

    What is alive is frozen, so that the first collection after the block does not visit it all.
    """
    enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()
