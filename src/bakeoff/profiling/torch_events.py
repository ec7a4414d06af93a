"""From the events of torch.profiler to the layers of each profiled run.

On a CPU a layer is a marked module or an outermost operator, with the time that it took. On a GPU every kernel belongs
to the module or operator during which the host launched it. A kernel is a layer of its own where it was launched
outside of them (a compiled package launches its own kernels) or by an operator that runs a whole engine. So no kernel
is missing, and none is counted twice.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RUN = "bakeoff::run"
MODULE = "bakeoff::module "
_AOTI = "aoti_torch_"
"""How a compiled package names its calls of PyTorch's own kernels."""
_ENGINES = ("tensorrt::execute_engine",)
"""Operators that run whole engines."""
_LAUNCH = re.compile(r"cu(da)?[A-Z]")
"""How calls of CUDA's runtime and driver are named (cudaLaunchKernel, cuLaunchKernelEx, cudaMemcpyAsync)."""


@dataclass
class Found:
    """A layer of one profiled run."""

    label: str
    us: float
    event: Any = None
    """The module's or operator's event; None for a kernel that belongs to none."""

    @property
    def marked(self) -> bool:
        """Whether it is a module of an eager model."""
        return self.label.startswith(MODULE)


def layers_of_runs(events: Sequence[Any], device: str) -> list[list[Found]]:
    """The layers of each run that was marked RUN, in order of time."""
    runs = [event for event in events if event.name == RUN and _on_host(event)]
    if device == "cpu":
        return [[Found(str(e.name), float(e.cpu_time_total), e) for e in _outermost(run)] for run in runs]
    launched_at = {e.id: e.time_range.start for e in events if _on_host(e) and _LAUNCH.match(e.name)}
    # marks appear on the device, too, around the kernels of what they mark, with ids of their own
    kernels = [event for event in events if not _on_host(event) and not event.is_user_annotation]
    kernels.sort(key=lambda kernel: kernel.time_range.start)
    timed = [(launched_at.get(kernel.id, kernel.time_range.start), kernel) for kernel in kernels]
    return [_layers_on_gpu(run, [(at, kernel) for at, kernel in timed if _within(run, at)]) for run in runs]


def children(event: Any) -> list[Any]:
    """What an event called, in order of time."""
    return sorted(event.cpu_children, key=lambda e: e.time_range.start)


def _layers_on_gpu(run: Any, kernels: Sequence[tuple[float, Any]]) -> list[Found]:
    """The layers of a run, given its kernels in order of time and when each was launched."""
    owners = [event for event in _outermost(run) if event.name not in _ENGINES]
    begins = [event.time_range.start for event in owners]
    owned = [Found(str(event.name), 0.0, event) for event in owners]
    free = []
    for at, kernel in kernels:
        us = float(kernel.time_range.end - kernel.time_range.start)
        i = bisect_right(begins, at) - 1
        if i >= 0 and _within(owners[i], at):
            owned[i].us += us
        else:
            free.append((at, Found(str(kernel.name), us)))
    return [found for _, found in sorted([*zip(begins, owned, strict=True), *free], key=lambda entry: entry[0])]


def _outermost(event: Any) -> list[Any]:
    """Outermost marked modules and operators below an event, in order of time."""
    found: list[Any] = []
    for child in children(event):
        if child.name.startswith(("prim::", "cuda")):
            continue
        if child.name.startswith((MODULE, _AOTI)) or "::" in child.name or "_fused_" in child.name:
            found.append(child)
        else:
            found += _outermost(child)
    return found


def _on_host(event: Any) -> bool:
    import torch

    return bool(event.device_type == torch.autograd.DeviceType.CPU)


def _within(event: Any, at: float) -> bool:
    return bool(event.time_range.start <= at < event.time_range.end)
