"""Layer times of anything that runs inside PyTorch, by torch.profiler.

A layer is a leaf module of an eager model or, where there are no Python modules (TorchScript, a compiled
package), an outermost operator; on a GPU also a kernel that belongs to neither (bakeoff.profiling.torch_events).
Modules are marked by hooks only while profiling.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bakeoff.profiling.layers import LayerSamples, LayerTimes, summarise
from bakeoff.profiling.torch_events import MODULE, RUN, Found, children, layers_of_runs

if TYPE_CHECKING:
    import torch


def profile_torch(
    module: Any, run: Callable[[], Any], synchronize: Callable[[], None], device: str, runs: int, max_s: float
) -> LayerTimes:
    """Profile up to `runs` calls of `run`, as many as fit into `max_s` seconds, at least one."""
    import torch

    activities = [torch.profiler.ProfilerActivity.CPU]
    if device != "cpu":
        activities.append(torch.profiler.ProfilerActivity.CUDA)

    def profiled(count: int, shapes: bool, until_s: float) -> list[list[Found]]:
        started = time.perf_counter()
        with torch.profiler.profile(activities=activities, record_shapes=shapes, acc_events=True) as profiler:
            for _ in range(count):
                with torch.profiler.record_function(RUN):
                    run()
                    synchronize()
                if time.perf_counter() - started > until_s:
                    break
        return layers_of_runs(profiler.events(), device)

    with _named_modules(module):
        (shaped,) = profiled(1, True, max_s)  # recording shapes slows every operator, so once, apart
        sequences = profiled(runs, False, max_s)
    return _summarised(sequences, shaped, device)


def _summarised(sequences: list[list[Found]], shaped: list[Found], device: str) -> LayerTimes:
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
                kernel=found.label if found.event is None else None,
            )
        )
    return LayerTimes(layers=summarise(samples), runs=len(kept), notes=notes)


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


def _name_and_type(found: Found, index: int) -> tuple[str, str]:
    if found.marked:
        name, _, kind = found.label.removeprefix(MODULE).partition("|")
        return name, kind
    if found.event is None:
        # without the types and arguments of a C++ template, which fill a screen; `kernel` has them
        return f"{index}: {re.split('[<(]', found.label.removeprefix('void '))[0].strip()}", "kernel"
    kind = re.sub(r"^graph_\d+_|^aoti_torch_(cpu|cuda)_|_\d+$", "", found.label)
    return f"{index}: {kind}", kind


def _operators(found: Found) -> list[str]:
    """The operators that a marked module ran, where there is more than its own."""
    return [child.name for child in children(found.event)] if found.marked else []


def _shapes(event: Any) -> list[list[int]]:
    """Shapes of the tensors that an operator (for a module: its first operator) took; none for a kernel."""
    if event is None:
        return []
    source = event
    while source.name.startswith(MODULE) and source.cpu_children:
        source = children(source)[0]
    return [list(shape) for shape in (source.input_shapes or []) if shape and all(isinstance(n, int) for n in shape)]
