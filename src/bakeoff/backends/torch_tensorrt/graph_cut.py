"""What became of a graph that Torch-TensorRT cut into engines and operators left to PyTorch.

The statistics are the field `partition` of build.json, of the type `Partition`.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bakeoff.artifacts.build import Partition

if TYPE_CHECKING:
    from torch.fx import GraphModule, Node

ENGINE_SUBMODULE = "_run_on_acc"
"""How Torch-TensorRT's partitioners name the submodules that become engines."""

ENGINE_OPERATOR = "tensorrt::execute_engine"
"""The operator that runs an engine in a TorchScript graph."""

_CALLS = ("call_function", "call_method", "call_module")


def graph_cut_statistics(graph: GraphModule, min_block_size: int) -> Partition:
    """Statistics of a graph that was cut with `min_block_size: 1` and whose engines are not built yet.

    Args:
        graph: Submodules named `_run_on_acc_<n>` would become engines; other submodules and whatever stands in the
            graph itself is PyTorch's.
        min_block_size: What the engines are really built with: a block of fewer operators goes to PyTorch. Its
            operators are counted as Torch-TensorRT counts them, every call node of the block.
    """
    blocks: list[list[Node]] = []
    left: Counter[str] = Counter()
    for node in graph.graph.nodes:
        submodule = graph.get_submodule(str(node.target)) if node.op == "call_module" else None
        if submodule is None or not hasattr(submodule, "graph"):
            left.update(_names([node]))
            continue
        calls = [inner for inner in submodule.graph.nodes if inner.op in _CALLS]
        if ENGINE_SUBMODULE in str(node.target):
            blocks.append(calls)
        else:
            left.update(_names(calls))
    for block in blocks:
        if len(block) < min_block_size:
            left.update(_names(block))
    sizes = [len(block) for block in blocks]
    engines = [size for size in sizes if size >= min_block_size]
    return Partition(
        engines=len(engines),
        operators_per_engine=engines,
        operators_in_pytorch=dict(left.most_common()),
        smallest_min_block_size=smallest_min_block_size(sizes),
    )


def smallest_min_block_size(sizes: Iterable[int]) -> int | None:
    """The smallest `min_block_size` that leaves exactly one engine of blocks of these sizes; None where none does."""
    largest = sorted(sizes, reverse=True)[:2]
    if not largest or (len(largest) == 2 and largest[0] == largest[1]):
        return None
    return largest[1] + 1 if len(largest) == 2 else 1


def engines_in(graph: GraphModule) -> int:
    """Number of engines of a compiled graph."""
    return sum(node.op == "call_module" and ENGINE_SUBMODULE in str(node.target) for node in graph.graph.nodes)


def graph_cut_statistics_of_torchscript(kinds: Iterable[str]) -> Partition:
    """Statistics of a compiled TorchScript graph from its node kinds, which do not tell what an engine holds."""
    counts = Counter(kinds)
    left = {kind: n for kind, n in counts.most_common() if kind.startswith("aten::")}
    return Partition(engines=counts[ENGINE_OPERATOR], operators_in_pytorch=left)


def fallback_words(partition: Partition) -> list[str]:
    """The operators left to PyTorch, in words."""
    return [f"{name} ({n}×, PyTorch)" for name, n in partition.operators_in_pytorch.items()]


def _names(nodes: Iterable[Node]) -> Iterable[str]:
    """Names of the operators among nodes; picking one of several results (getitem) is not counted as one."""
    for node in nodes:
        if node.op in _CALLS and node.target is not operator.getitem:
            yield _name(node.target)


def _name(target: Any) -> str:
    if isinstance(target, str):
        return target
    return str(target) if hasattr(target, "overloadpacket") else getattr(target, "__name__", str(target))
