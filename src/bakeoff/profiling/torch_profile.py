"""Layer times of anything that runs inside PyTorch, by torch.profiler.

A layer is a leaf module of an eager model or, where there are no Python modules (TorchScript, a compiled
package), an outermost operator. Modules are marked by hooks only while profiling. On a GPU what a compiled package
launches without an operator (its own Triton kernels), and what an operator launches that runs a whole engine, are
layers too: one for each kernel.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakeoff.backends.base import LayerTimes
from bakeoff.profiling.layers import LayerSamples, summarise

if TYPE_CHECKING:
    import torch

RUN = "bakeoff::run"
MODULE = "bakeoff::module "
_AOTI = "aoti_torch_"
"""How a compiled package names its calls of PyTorch's own kernels."""
_ENGINES = ("tensorrt::execute_engine",)
"""Operators that run whole engines."""
_LAUNCH = re.compile(r"cu(da)?[A-Z]")
"""How calls of CUDA's runtime and driver are named (cudaLaunchKernel, cuLaunchKernelEx, cudaMemcpyAsync)."""

Kernels = dict[int, list[Any]]
"""What the device did for each call of CUDA's, by the id that the call and its kernels share."""


@dataclass(frozen=True)
class _Found:
    """A layer of one profiled run."""

    label: str
    us: float
    event: Any = None
    """The module's or operator's event; None for a kernel that belongs to none."""

    @property
    def marked(self) -> bool:
        """Whether it is a module of an eager model."""
        return self.label.startswith(MODULE)


def profile_torch(
    module: Any, run: Callable[[], Any], synchronize: Callable[[], None], device: str, runs: int, max_s: float
) -> LayerTimes:
    """Profile up to `runs` calls of `run`, as many as fit into `max_s` seconds, at least one."""
    import torch

    activities = [torch.profiler.ProfilerActivity.CPU]
    if device != "cpu":
        activities.append(torch.profiler.ProfilerActivity.CUDA)

    def profiled(count: int, shapes: bool, until_s: float) -> list[list[_Found]]:
        started = time.perf_counter()
        with torch.profiler.profile(activities=activities, record_shapes=shapes, acc_events=True) as profiler:
            for _ in range(count):
                with torch.profiler.record_function(RUN):
                    run()
                    synchronize()
                if time.perf_counter() - started > until_s:
                    break
        events = profiler.events()
        kernels = _kernels(events)
        roots = [event for event in events if event.name == RUN and _on_host(event)]
        return [_layers(root, kernels, device) for root in roots]

    with _named_modules(module):
        (shaped,) = profiled(1, True, max_s)  # recording shapes slows every operator, so once, apart
        sequences = profiled(runs, False, max_s)
    return _summarised(sequences, shaped, device)


def _summarised(sequences: list[list[_Found]], shaped: list[_Found], device: str) -> LayerTimes:
    """The layers that the profiled runs have in common; `shaped` is the run that recorded shapes."""
    names = [tuple(found.label for found in sequence) for sequence in sequences]
    usual = Counter(names).most_common(1)[0][0]
    kept = [sequence for sequence, name in zip(sequences, names, strict=True) if name == usual]
    notes = []
    if len(kept) < len(sequences):
        others = len(sequences) - len(kept)
        notes.append(f"{others} of {len(sequences)} runs executed other operators and were left out")
    same_shapes = tuple(found.label for found in shaped) == usual
    samples: list[LayerSamples] = []
    for i, found in enumerate(kept[0]):
        ms = [sequence[i].us / 1000 for sequence in kept]
        if device != "cpu" and not found.marked and not any(ms):
            continue  # an operator that only prepares memory on the host
        name, kind = _name_and_type(found, len(samples))
        samples.append(
            LayerSamples(
                name=name,
                type=kind,
                ms=ms,
                input_shapes=_shapes(shaped[i].event) if same_shapes else [],
                fused=_operators(found),
                kernel=None if found.event else found.label,
            )
        )
    return LayerTimes(layers=summarise(samples), runs=len(kept), notes=notes)


def _on_host(event: Any) -> bool:
    import torch

    return bool(event.device_type == torch.autograd.DeviceType.CPU)


@contextmanager
def _named_modules(module: Any) -> Iterator[None]:
    """Mark the leaf modules of an eager model in the trace; leave anything compiled alone."""
    import torch

    handles = []
    open_marks: list[torch.profiler.record_function] = []

    def enter(mark: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            record = torch.profiler.record_function(mark)
            record.__enter__()
            open_marks.append(record)

        return hook

    def leave(*_: Any) -> None:
        open_marks.pop().__exit__(None, None, None)

    if isinstance(module, torch.nn.Module) and not isinstance(module, torch.jit.ScriptModule):
        for name, part in module.named_modules():
            if not any(part.children()):
                mark = f"{MODULE}{name or '(model)'}|{type(part).__name__}"
                handles.append(part.register_forward_pre_hook(enter(mark)))
                handles.append(part.register_forward_hook(leave, always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _kernels(events: Any) -> Kernels:
    """Kernels, copies and fills, in order of time."""
    kernels: Kernels = {}
    for event in sorted(events, key=lambda e: e.time_range.start):
        # marks appear on the device, too, around the kernels of what they mark, with ids of their own
        if not _on_host(event) and not event.is_user_annotation:
            kernels.setdefault(event.id, []).append(event)
    return kernels


def _layers(event: Any, kernels: Kernels, device: str, kernels_alone: bool = False) -> list[_Found]:
    """Outermost marked modules and operators below an event, and kernels of neither, in order of time."""
    found: list[_Found] = []
    for child in _children(event):
        if _LAUNCH.match(child.name):
            found += [_Found(str(kernel.name), _elapsed_us(kernel)) for kernel in kernels.get(child.id, [])]
        elif child.name.startswith("prim::"):
            continue
        elif kernels_alone or (child.name in _ENGINES and device != "cpu"):
            found += _layers(child, kernels, device, kernels_alone=True)
        elif child.name.startswith((MODULE, _AOTI)) or "::" in child.name or "_fused_" in child.name:
            found.append(_Found(str(child.name), _time_us(child, device), child))
        else:
            found += _layers(child, kernels, device)
    return found


def _children(event: Any) -> list[Any]:
    return sorted(event.cpu_children, key=lambda e: e.time_range.start)


def _elapsed_us(kernel: Any) -> float:
    return float(kernel.time_range.end - kernel.time_range.start)


def _name_and_type(found: _Found, index: int) -> tuple[str, str]:
    if found.marked:
        name, _, kind = found.label.removeprefix(MODULE).partition("|")
        return name, kind
    if found.event is None:
        # without the types and arguments of a C++ template, which fill a screen; `kernel` has them
        return f"{index}: {re.split('[<(]', found.label.removeprefix('void '))[0].strip()}", "kernel"
    kind = re.sub(r"^graph_\d+_|^aoti_torch_(cpu|cuda)_|_\d+$", "", found.label)
    return f"{index}: {kind}", kind


def _operators(found: _Found) -> list[str]:
    """The operators that a marked module ran, where there is more than its own."""
    return [child.name for child in _children(found.event)] if found.marked else []


def _time_us(event: Any, device: str) -> float:
    return float(event.cpu_time_total if device == "cpu" else event.device_time_total)


def _shapes(event: Any) -> list[list[int]]:
    """Shapes of the tensors that an operator (for a module: its first operator) took; none for a kernel."""
    if event is None:
        return []
    source = event
    while source.name.startswith(MODULE) and source.cpu_children:
        source = _children(source)[0]
    return [list(shape) for shape in (source.input_shapes or []) if shape and all(isinstance(n, int) for n in shape)]
