"""In which dtype each operator of a PyTorch model computes: seen while it runs, or read from an exported graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bakeoff.backends.shared.torch_session import in_memory_order, input_dtype
from bakeoff.core.private_parts import MissingPrivatePart
from bakeoff.core.quoting import essential_line
from bakeoff.core.torch_private import dispatch_mode
from bakeoff.profiling.precision_held import is_compute, record_dtypes

if TYPE_CHECKING:
    import torch

    from bakeoff.backends.base import Built, EngineSpec

_PRODUCTS = frozenset({"linear", "bilinear", "mm", "addmm", "bmm", "baddbmm", "addbmm", "addmv", "mv", "dot",
                       "mkldnn_linear"})  # fmt: skip
"""Operators that are matrix products but whose names do not say so."""

_COPIES = frozenset({"to", "_to_copy", "clone", "copy_", "contiguous", "detach", "pad", "constant_pad_nd", "cat",
                     "stack", "reshape", "_unsafe_view", "_reshape_copy"})  # fmt: skip
"""Operators that only move data but whose schema does not make them views."""


def record_executed_dtypes(built: Built, module: Any, spec: EngineSpec, channels_last: bool = False) -> None:
    """Set `layer_dtypes` and `holds_precision` of a build from one inference of its module; see `executed_dtypes`.

    Where the installed PyTorch lets nobody watch its operators, a note says so in their place.
    """
    try:
        layers = executed_dtypes(module, spec, channels_last)
    except Exception as error:  # the engine is built, and whether it answers right is judged later
        why = str(error) if isinstance(error, MissingPrivatePart) else essential_line(error)
        built.notes.append(f"in which types the engine computes is unknown: {why}")
        return
    record_dtypes(built, layers, spec.precision)


def executed_dtypes(module: Any, spec: EngineSpec, channels_last: bool = False) -> list[tuple[str, str]]:
    """(operator type, dtype) of every computing operator of one inference at the smallest batch size.

    Runs the module once, on its device; what the model casts inside forward() is seen as well. Raises
    whatever the module raises, and MissingPrivatePart where the installed PyTorch lets nobody watch its operators.
    """
    import torch

    seen: list[tuple[str, str]] = []

    class Observer(dispatch_mode()):  # type: ignore[misc]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            seen.extend(_computing(func, result))
            return result

    inputs = in_memory_order(example_batch(spec, spec.batch_min), channels_last)
    with torch.no_grad(), Observer():
        module(*inputs)
    return seen


def example_batch(spec: EngineSpec, batch_size: int) -> list[torch.Tensor]:
    """One batch of example inputs on the engine's device, floating inputs in the engine's dtype."""
    import torch

    return [
        torch.tensor(array, dtype=input_dtype(info, spec.precision), device=spec.device)
        for info, array in zip(spec.inputs, spec.example_arrays(batch_size), strict=True)
    ]


def graph_dtypes(program: torch.export.ExportedProgram) -> list[tuple[str, str]]:
    """(operator type, dtype) of every computing operator of an exported graph."""
    return [
        pair
        for node in program.graph.nodes
        if node.op == "call_function" and hasattr(node.target, "overloadpacket")
        for pair in _computing(node.target, node.meta.get("val"))
    ]


def products_in(program: torch.export.ExportedProgram) -> int:
    """How many convolutions and matrix products an exported graph has."""
    return sum(is_compute(kind) for kind, _ in graph_dtypes(program))


def _computing(operator: Any, result: Any) -> Iterator[tuple[str, str]]:
    """The operator and the dtype of its first floating result; nothing for one that only moves data."""
    import torch

    name = operator.name().rpartition("::")[2].partition(".")[0]
    if operator.is_view or name in _COPIES:
        return
    results = result if isinstance(result, tuple | list) else (result,)
    for tensor in results:
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
            yield kind_of(name), str(tensor.dtype).removeprefix("torch.")
            return


def kind_of(name: str) -> str:
    """An operator's type by its name, which says of a matrix product that it is one."""
    return f"matmul ({name})" if name in _PRODUCTS else name
