"""Every private part of PyTorch that Bakeoff uses, apart from its compiler's (`bakeoff.backends.inductor.private`).

See `bakeoff.core.private_parts` for what is expected of such a module.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bakeoff.core.private_parts import PrivatePart

if TYPE_CHECKING:
    import torch

SLEEP = PrivatePart(
    "torch", "cuda._sleep", "kernels that write to memory keep the GPU busy in its place, which empties its caches"
)
DISPATCH_MODE = PrivatePart(
    "torch.utils._python_dispatch", "TorchDispatchMode", "operators cannot be watched while a model runs"
)
INT8_PRODUCT = PrivatePart("torch", "_int_mm", "nothing else in PyTorch multiplies matrices of 8-bit integers")
PARTS = (SLEEP, DISPATCH_MODE, INT8_PRODUCT)

HIGHEST_CLOCK_HZ = 3e9
"""No GPU's clock is faster, so a delay that is counted in cycles of this clock is never too short."""

_FILLED_BYTES = 64 * 2**20
_FILL_S = 8e-6
"""Writing so many bytes takes no less on a GPU whose memory takes in 8 TB/s, as a B200's; 22 us on an H200. The host
enqueues it in less."""


def delay_gpu(cycles: int) -> None:
    """Enqueue on PyTorch's current stream what keeps the GPU busy for about `cycles` of its clock; returns at once.

    Without the private kernel that only spins, a buffer in the GPU's memory is filled again and again.
    """
    import torch

    sleep = SLEEP.find()
    if sleep is not None:
        sleep(cycles)
        return
    buffer = torch.empty(_FILLED_BYTES, dtype=torch.uint8, device="cuda")
    for _ in range(math.ceil(cycles / HIGHEST_CLOCK_HZ / _FILL_S)):
        buffer.fill_(0)


def dispatch_mode() -> type[Any]:
    """The base class of a context that is handed every operator which PyTorch runs within it.

    Raises MissingPrivatePart where the installed PyTorch has none.
    """
    mode: type[Any] = DISPATCH_MODE.require()
    return mode


def int8_product() -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The operator that multiplies two matrices of int8; its result is of int32.

    Raises MissingPrivatePart where the installed PyTorch has none.
    """
    product: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = INT8_PRODUCT.require()
    return product


def import_what_the_profiler_imports() -> None:
    """Import the module that torch.profiler imports when it starts, which takes seconds, ahead of its start.

    Without it, the profiler's start takes as long as its imports do.
    """
    with suppress(ImportError):
        import torch._inductor.config  # noqa: F401
