"""Weights from a checkpoint, read without running code that may be in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.core.errors import ModelError
from bakeoff.core.quoting import cause
from bakeoff.models.checkpoints.choice import choose
from bakeoff.models.checkpoints.fit import Wanted, best_fit
from bakeoff.models.checkpoints.reading import read_file
from bakeoff.models.checkpoints.state_dicts import StateDict, content, find_state_dicts, some

if TYPE_CHECKING:
    import torch


def read_checkpoint(path: str | Path, where: str) -> list[StateDict]:
    """The state dicts of a .safetensors file, or of one that torch.load(weights_only=True) reads; at least one.

    `where` is the config key named in errors.
    Raises ModelError where the file is missing, damaged, refused, or holds no state dict.
    """
    path = Path(path)
    data = read_file(path, where)
    found = find_state_dicts(data)
    if not found:
        raise ModelError(
            f"{where}: {path} holds no state dict (names to tensors) but {content(data)}; "
            "save one with torch.save(model.state_dict(), path)"
        )
    return found


def load_weights(module: torch.nn.Module, found: Sequence[StateDict], where: str, path: str | Path) -> list[str]:
    """Copy the state dict that fits into the module, and say what was done to make it fit.

    A prefix that all its keys have and the module's do not is taken off, entries that are no tensors are ignored, and
    values of another type (a checkpoint in half precision) are converted to the module's.

    Args:
        module: what is loaded into.
        found: the state dicts of a checkpoint.
        where: the config key named in errors.
        path: the checkpoint, for errors.

    Returns the notes, in words; none where the checkpoint fitted as it was.
    Raises ModelError naming up to three missing, unexpected and mis-shaped keys each, or the state dicts that fit
    where it is not clear which is meant.
    """
    wanted = Wanted(module.state_dict())
    fits = [best_fit(state, wanted) for state in found]
    chosen = choose(fits, where, path)
    try:
        module.load_state_dict(chosen.state, strict=False)
    except Exception as error:  # a module's own code may run (set_extra_state, hooks)
        raise ModelError(f"{where}: {path} could not be loaded into the model: {cause(error)}") from error
    others = [fit.found.place for fit in fits if not fit.complaints and fit is not chosen]
    return chosen.notes + ([f"not taken, though it fits: {some(others)}"] if others else [])
