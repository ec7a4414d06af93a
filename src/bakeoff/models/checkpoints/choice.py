"""Which of a checkpoint's state dicts is meant: the one that fits, and of several the one under a usual name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bakeoff.core.errors import ModelError
from bakeoff.models.checkpoints.fit import Fit
from bakeoff.models.checkpoints.state_dicts import USUAL, some


def choose(fits: Sequence[Fit], where: str, path: str | Path) -> Fit:
    """The fit that is to be loaded.

    Args:
        fits: each state dict of the checkpoint, as it fits the model best; at least one.
        where: the config key named in errors.
        path: the checkpoint, for errors.

    Raises ModelError where none fits, naming what is odd about the one that comes nearest, and where several fit of
    which none lies under a usual name.
    """
    fitting = [fit for fit in fits if not fit.complaints]
    usual = [fit for fit in fitting if fit.found.is_usual]
    if usual:
        # a checkpoint's own entries first, then by the order of the usual names
        return min(usual, key=lambda fit: [USUAL.index(key) for key in fit.found.keys])
    if len(fitting) > 1:
        raise ModelError(
            f"{where}: {path} holds {len(fitting)} state dicts that fit the model: "
            f"{some((fit.found.place for fit in fitting), 10)}; save the one that is meant under the key '{USUAL[0]}', "
            "or in a file of its own"
        )
    if fitting:
        return fitting[0]
    nearest = max(fits, key=lambda fit: (fit.matched, fit.found.is_usual, len(fit.found.tensors)))
    read_as = f" ({', '.join(nearest.read_as)})" if nearest.read_as else ""
    raise ModelError(
        f"{where}: {path}{read_as} does not fit the model; {'; '.join(nearest.complaints)}; {_advice(nearest)}"
    )


def _advice(fit: Fit) -> str:
    if fit.missing or fit.misshaped:
        return "check that checkpoint and model (its name and args) belong together"
    return "all of the model is there: save a state dict without what belongs to something else"
