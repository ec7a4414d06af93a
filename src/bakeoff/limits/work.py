"""Counts what one inference of a model takes at least: floating-point operations, and elements moved.

Operations are counted where PyTorch dispatches them (torch.utils.flop_counter: convolutions, matrix products,
attention; a multiply-add is two operations), so they are those of the model's own graph, whatever an engine makes of
it. Normalization, activations and other elementwise operators count nothing: engines fuse them into the products.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from bakeoff.artifacts.accuracy import Work
from bakeoff.core.quoting import cause
from bakeoff.core.torch_private import dispatch_mode
from bakeoff.models.operators import tensors_in
from bakeoff.models.outputs import flatten

if TYPE_CHECKING:
    import numpy as np
    import torch

ITEMS = 2
"""Items counted over: with one alone some models drop the batch dimension."""

_PRODUCT = re.compile(r"conv|attention|transformer|rnn_layer|_rnn$|cdist|fft|trilinear|(mm|mv|dot|linear)$|_mm")
"""Names of ATen operators that multiply. Those that the counter has no formula for make the count unknown."""
_NAMESPACES = ("aten", "prim", "prims", "profiler")
"""Operators of others (mkldnn, quantized, torchvision, a user's own) may do anything."""


def count_work(module: torch.nn.Module, inputs: Mapping[str, np.ndarray], device: str, items: int = ITEMS) -> Work:
    """The model's work per item, counted over one inference of the first inputs; null, with a note, where it cannot be.

    Args:
        module: In eval mode on `device`.
        inputs: Each of shape [n, ...], n >= 1.
        device: Where the module lies.
        items: How many; a model may take no other number.
    """
    import torch

    tensors = [torch.tensor(array[[i % len(array) for i in range(items)]], device=device) for array in inputs.values()]
    n = len(tensors[0])
    try:
        observer, flops, outputs = _observed(module, tensors)
        if observer.uncounted:
            with suppress(Exception):
                observer, flops, outputs = _observed(module, tensors, libraries=False)
    except Exception as error:  # whatever a model raises under a dispatch mode, its reference is good all the same
        return Work(notes=[f"the work could not be counted: {cause(error)}"])
    notes = []
    if observer.uncounted:
        names = ", ".join(sorted(observer.uncounted))
        notes.append(f"the operations are unknown, since there is no formula for {names}")

    def elements(tensors: list[torch.Tensor]) -> int:
        return sum(tensor.numel() for tensor in tensors if tensor.is_floating_point())

    return Work(
        flops_per_item=None if observer.uncounted else flops // n,
        weight_elements=sum(observer.weights.values()),
        input_elements=elements(tensors) // n,
        output_elements=elements(outputs) // n,
        table_elements=observer.table_elements // n,
        integer_bytes=sum(t.nbytes for t in [*tensors, *outputs] if not t.is_floating_point()) // n,
        notes=notes,
    )


def _observed(
    module: torch.nn.Module, tensors: list[torch.Tensor], libraries: bool = True
) -> tuple[Any, int, list[torch.Tensor]]:
    """What the observer saw during one inference, its floating-point operations, and its outputs."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode, flop_registry

    aten = torch.ops.aten
    with suppress(AttributeError, KeyError):  # operators of this name may go; attention is then reported as uncounted
        formula = flop_registry[aten._scaled_dot_product_flash_attention]
        flop_registry.setdefault(aten._scaled_dot_product_flash_attention_for_cpu, formula)
    observer = _observer([*tensors, *module.buffers()])
    with torch.inference_mode(), _kernels(libraries):
        if isinstance(module, torch.jit.ScriptModule):
            for _ in range(2):  # TorchScript compiles in its first calls, and cannot while its operators are watched
                module(*tensors)
        with observer, FlopCounterMode(display=False) as counter:
            outputs = [tensor for _, tensor in flatten(module(*tensors))]
    return observer, counter.get_total_flops(), outputs


@contextmanager
def _kernels(libraries: bool) -> Iterator[None]:
    """Within it attention runs as the products it consists of, which have formulas.

    Without `libraries` (oneDNN, cuDNN) recurrent layers do so too, but convolutions are slow.
    """
    import torch

    backends = torch.backends
    before = backends.mha.get_fastpath_enabled(), backends.mkldnn.enabled, backends.cudnn.enabled
    backends.mha.set_fastpath_enabled(False)
    if not libraries:
        backends.mkldnn.enabled = backends.cudnn.enabled = False
    try:
        yield
    finally:
        backends.mha.set_fastpath_enabled(before[0])
        backends.mkldnn.enabled, backends.cudnn.enabled = before[1:]


def _observer(no_weights: list[torch.Tensor]) -> Any:
    """A dispatch mode that sees which weights are read, and which operators multiply without having a formula.

    A weight is what an operator is given and no operator before it made, unless it is one of `no_weights` (inputs,
    buffers). So a frozen TorchScript module, which has no parameters, is counted too, and the weights of a head that
    only training uses are not.
    """
    from torch.utils.flop_counter import flop_registry

    def storages(values: Any) -> Iterator[tuple[int, torch.Tensor]]:
        """Address and tensor of every tensor in whatever an operator takes or gives."""
        for tensor in tensors_in(values):
            yield tensor.untyped_storage().data_ptr(), tensor

    class Observer(dispatch_mode()):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.made = {storage for storage, _ in storages(no_weights)}
            self.weights: dict[int, int] = {}
            """Elements by storage: a weight that is used twice is read once."""
            self.table_elements = 0
            self.uncounted: set[str] = set()

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            namespace, _, name = func.name().partition(".")[0].partition("::")
            foreign = namespace not in _NAMESPACES
            if func.overloadpacket not in flop_registry and (foreign or _PRODUCT.search(name)):
                self.uncounted.add(f"{namespace}::{name}")
            if name == "embedding":
                # Only the rows that are looked up are read.
                self.table_elements += result.numel()
                args = args[1:]
            for storage, tensor in storages((args, kwargs)):
                if storage not in self.made and tensor.is_floating_point():
                    self.weights[storage] = tensor.untyped_storage().nbytes() // tensor.element_size()
            self.made |= {storage for storage, _ in storages(result) if storage not in self.weights}
            return result

    return Observer()
