"""Layer times of anything that runs inside PyTorch, by torch.profiler.

A layer is a leaf module of an eager model or, where there are no Python modules (TorchScript, a compiled
package), an outermost operator. Modules are marked by hooks only while profiling.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bakeoff.backends.base import LayerTimes
from bakeoff.profiling.layers import LayerSamples, summarise

if TYPE_CHECKING:
    import torch

RUN = "bakeoff::run"
MODULE = "bakeoff::module "
_AOTI = "aoti_torch_"
"""How a compiled package names its calls of PyTorch's own kernels."""


def profile_torch(
    module: Any, run: Callable[[], Any], synchronize: Callable[[], None], device: str, runs: int, max_s: float
) -> LayerTimes:
    """Profile up to `runs` calls of `run`, as many as fit into `max_s` seconds, at least one."""
    import torch

    activities = [torch.profiler.ProfilerActivity.CPU]
    if device != "cpu":
        activities.append(torch.profiler.ProfilerActivity.CUDA)

    def profiled(count: int, shapes: bool, until_s: float) -> list[Any]:
        started = time.perf_counter()
        with torch.profiler.profile(activities=activities, record_shapes=shapes, acc_events=True) as profiler:
            for _ in range(count):
                with torch.profiler.record_function(RUN):
                    run()
                    synchronize()
                if time.perf_counter() - started > until_s:
                    break
        return [event for event in profiler.events() if event.name == RUN and _on_host(event)]

    with _named_modules(module):
        with_shapes = profiled(1, True, max_s)  # recording shapes slows every operator, so once, apart
        roots = profiled(runs, False, max_s)
    sequences = [_layers(root) for root in roots]
    names = [tuple(_label(event) for event in sequence) for sequence in sequences]
    usual = Counter(names).most_common(1)[0][0]
    kept = [sequence for sequence, name in zip(sequences, names, strict=True) if name == usual]
    shaped = _layers(with_shapes[0])
    notes = []
    if len(kept) < len(sequences):
        others = len(sequences) - len(kept)
        notes.append(f"{others} of {len(sequences)} runs executed other operators and were left out")
    same_shapes = tuple(_label(event) for event in shaped) == usual
    samples = []
    for i, event in enumerate(kept[0]):
        name, kind = _name_and_type(_label(event), i)
        samples.append(
            LayerSamples(
                name=name,
                type=kind,
                ms=[_time_us(sequence[i], device) / 1000 for sequence in kept],
                input_shapes=_shapes(shaped[i]) if same_shapes else [],
                fused=_operators(event),
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


def _layers(event: Any) -> list[Any]:
    """Outermost marked modules and operators below an event, in order of time."""
    found = []
    for child in sorted(event.cpu_children, key=lambda e: e.time_range.start):
        if child.name.startswith((MODULE, _AOTI)) or "::" in child.name or "_fused_" in child.name:
            found.append(child)
        else:
            found += _layers(child)
    return [event for event in found if not event.name.startswith(("cuda", "prim::"))]


def _label(event: Any) -> str:
    return str(event.name)


def _name_and_type(label: str, index: int) -> tuple[str, str]:
    if label.startswith(MODULE):
        name, _, kind = label.removeprefix(MODULE).partition("|")
        return name, kind
    kind = re.sub(r"^graph_\d+_|^aoti_torch_(cpu|cuda)_|_\d+$", "", label)
    return f"{index}: {kind}", kind


def _operators(event: Any) -> list[str]:
    """The operators that a marked module ran, where there is more than its own."""
    if not event.name.startswith(MODULE):
        return []
    return [child.name for child in sorted(event.cpu_children, key=lambda e: e.time_range.start)]


def _time_us(event: Any, device: str) -> float:
    return float(event.cpu_time_total if device == "cpu" else event.device_time_total)


def _shapes(event: Any) -> list[list[int]]:
    """Shapes of the tensors that an operator (for a module: its first operator) took."""
    source = event
    while source.name.startswith(MODULE) and source.cpu_children:
        source = min(source.cpu_children, key=lambda e: e.time_range.start)
    return [list(shape) for shape in (source.input_shapes or []) if shape and all(isinstance(n, int) for n in shape)]
