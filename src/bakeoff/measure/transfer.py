"""Times copies of inputs to the device and of outputs back. They are measured apart and are part of no latency."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import TYPE_CHECKING

from bakeoff.artifacts.timing import Transfer

if TYPE_CHECKING:
    import torch

COPIES = 30
MIN_COPIES = 5
MAX_S = 0.2
"""Seconds for each of the four figures, so that large batches do not take longer than their timing."""

Pairs = Sequence[tuple["torch.Tensor", "torch.Tensor"]]


def measure_transfer(inputs: Sequence[torch.Tensor], outputs: Sequence[torch.Tensor]) -> Transfer | None:
    """Medians of copying all inputs to the device and all outputs back, from and to pinned and pageable memory.

    Copies keep types and memory order, so they cost what they would cost a user who prepared the inputs on the host.
    Copies to the device go to memory of their own, so that the session's inputs stay as they are.

    Args:
        inputs: The inputs on the device, as the engine reads them.
        outputs: The outputs of an inference, on the device.

    Returns:
        None on a CPU, and where the session cannot show its memory.
    """
    if not inputs or not outputs:
        return None
    import torch

    def synchronize() -> None:
        torch.cuda.synchronize(inputs[0].device)

    def on_host(tensors: Sequence[torch.Tensor], pinned: bool) -> list[torch.Tensor]:
        return [torch.empty_like(tensor, device="cpu", pin_memory=pinned).copy_(tensor) for tensor in tensors]

    medians = {}
    with torch.inference_mode():
        beside = [torch.empty_like(tensor) for tensor in inputs]
        for memory, pinned in (("", True), ("pageable_", False)):
            to_device = list(zip(beside, on_host(inputs, pinned), strict=True))
            to_host = list(zip(on_host(outputs, pinned), outputs, strict=True))
            medians[f"{memory}h2d_ms"] = median(time_copies(to_device, synchronize))
            medians[f"{memory}d2h_ms"] = median(time_copies(to_host, synchronize))
    return Transfer(**medians)


def time_copies(
    pairs: Pairs, synchronize: Callable[[], None], now_ns: Callable[[], int] = time.perf_counter_ns
) -> list[float]:
    """Milliseconds of copying every source to its destination, enqueued together and waited for at the end.

    Two copies are made first and not counted. Then at least `MIN_COPIES` and at most `COPIES` are timed, as many as fit
    into `MAX_S`.

    Args:
        pairs: (destination, source) of each tensor.
        synchronize: Waits for the device.
        now_ns: The host's clock.
    """
    samples_ms: list[float] = []
    begin = now_ns()
    for number in range(-2, COPIES):
        synchronize()
        start = now_ns()
        for destination, source in pairs:
            destination.copy_(source, non_blocking=True)
        synchronize()
        done = now_ns()
        if number >= 0:
            samples_ms.append((done - start) / 1e6)
        if len(samples_ms) >= MIN_COPIES and (done - begin) / 1e9 >= MAX_S:
            break
    return samples_ms
