"""What in a module is likely to make its answer depend on chance, on earlier calls, or on other items of a batch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bakeoff.core.private_parts import MissingPrivatePart
from bakeoff.core.torch_private import dispatch_mode

SHOWN = 3
"""So many causes are named; a network with fifty layers of one kind has fifty of them."""


def random_operators(module: Any, call: Callable[[], Any]) -> list[str]:
    """The operators that draw random numbers during a call, each with the part of the module that runs it.

    Empty where none is seen, or nobody may watch: PyTorch's private part is missing, or the module is a ScriptModule.
    """
    import torch
    from torch.utils.module_tracker import ModuleTracker

    found: dict[str, None] = {}
    with suppress(MissingPrivatePart, AssertionError, RuntimeError), ModuleTracker() as tracker:

        class Watch(dispatch_mode()):  # type: ignore[misc]
            def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                if torch.Tag.nondeterministic_seeded in function.tags:
                    inner = max(tracker.parents - {"Global"}, key=len, default=type(module).__name__)
                    found[f"{function.name().partition('.')[0]} in {inner}"] = None
                return function(*args, **(kwargs or {}))

        with Watch():
            call()
    return list(found)[:SHOWN]


def changed_buffers(module: Any, call: Callable[[], Any]) -> list[str]:
    """The buffers and parameters that a call changes."""
    import torch

    def values() -> dict[str, torch.Tensor]:
        return {**dict(module.named_buffers()), **dict(module.named_parameters())}

    before = {name: value.clone() for name, value in values().items()}
    call()
    after = values()
    changed = [
        name for name, value in before.items()
        if name not in after or after[name].shape != value.shape or not torch.equal(after[name], value)
    ]  # fmt: skip
    return [f"{name}, which forward() changes" for name in changed][:SHOWN]


def mixes_items(module: Any) -> list[str]:
    """Parts of the module that compute over the first dimension, or by the statistics of a batch."""
    from torch import nn

    found = []
    for name, part in module.named_modules():
        where = f"{name or 'the model'} ({type(part).__name__})"
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and (part.running_mean is None or part.training):
            found.append(f"{where} normalizes by each batch's own statistics (track_running_stats)")
        elif getattr(part, "batch_first", True) is False:
            found.append(f"{where} has batch_first=False, so it takes the first dimension for time")
    return found[:SHOWN]
