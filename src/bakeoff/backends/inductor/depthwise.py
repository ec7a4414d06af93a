"""Depthwise convolutions as what they are: a weighted sum of a few shifted copies of the input.

Compilers hand convolutions to a library (cuDNN, oneDNN), which reads and writes each of these memory-bound layers once
more than a kernel has to that also normalizes and activates. Written as products and sums they are pointwise, and a
compiler that fuses pointwise operators makes one kernel of such a layer and all that follows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch.fx import Graph, GraphModule, Node

MOST_TAPS = 49
"""A kernel of 7 x 7; the code of larger ones is long, and they do more arithmetic than memory traffic."""


class Depthwise(NamedTuple):
    """One convolution that filters each channel by itself."""

    node: Node
    x: Node
    weight: Node
    bias: Node | None
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]


def decompose_depthwise(module: GraphModule) -> int:
    """Replace, in a captured graph of ATen operators, each depthwise 2D convolution by products and sums.

    For an input x of shape (n, c, h, w), padded with zeros, and weights of shape (c, 1, kh, kw): out[:, :, y, z] is the
    sum over i < kh, j < kw of weight[:, 0, i, j] * x[:, :, sh*y + dh*i, sw*z + dw*j], plus the bias, with stride s and
    dilation d. Convolutions that give several outputs a channel, have more than `MOST_TAPS` weights a channel, or are
    padded by name ("same") stay as they are.

    Args:
        module: Its nodes have their values' shapes in `meta["val"]`, as torch.export leaves them. Changed in place.

    Returns:
        How many were replaced.
    """
    found = [layer for node in module.graph.nodes if (layer := _depthwise(node)) is not None]
    for layer in found:
        with module.graph.inserting_before(layer.node):
            layer.node.replace_all_uses_with(_products_and_sums(module.graph, layer))
        module.graph.erase_node(layer.node)
    module.recompile()
    return len(found)


def _depthwise(node: Node) -> Depthwise | None:
    """The node's arguments, with aten::conv2d's defaults, where it is a depthwise convolution."""
    import torch

    if node.target is not torch.ops.aten.conv2d.default:
        return None
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    defaults = {"bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    given = {**defaults, **dict(zip(names, node.args, strict=False)), **node.kwargs}
    x, weight, bias, stride, padding, dilation, groups = (given[name] for name in names)
    inputs, (outputs, _, height, width) = x.meta["val"].shape[1], weight.meta["val"].shape
    if not 1 < groups == inputs == outputs or height * width > MOST_TAPS:
        return None
    return Depthwise(node, x, weight, bias, _pair(stride), _pair(padding), _pair(dilation))


def _pair(value: int | list[int]) -> tuple[int, int]:
    """One number stands for both dimensions."""
    both = [value] if isinstance(value, int) else value
    return (both[0], both[-1])


def _products_and_sums(graph: Graph, layer: Depthwise) -> Node:
    import torch

    aten = torch.ops.aten

    def per_channel(values: Node) -> Node:
        return graph.call_function(aten.reshape.default, (values, [-1, 1, 1]))

    x, (above, left) = layer.x, layer.padding
    if above or left:
        x = graph.call_function(aten.constant_pad_nd.default, (x, [left, left, above, above], 0.0))
    sizes = layer.node.meta["val"].shape[2:]
    height, width = layer.weight.meta["val"].shape[2:]
    terms = []
    for i in range(height):
        for j in range(width):
            shifted = x
            for axis, offset in enumerate((i, j)):
                begin = offset * layer.dilation[axis]
                end = begin + (sizes[axis] - 1) * layer.stride[axis] + 1
                shifted = graph.call_function(aten.slice.Tensor, (shifted, 2 + axis, begin, end, layer.stride[axis]))
            weight = layer.weight
            for index in (0, i, j):
                weight = graph.call_function(aten.select.int, (weight, 1, index))
            terms.append(graph.call_function(aten.mul.Tensor, (shifted, per_channel(weight))))
    if layer.bias is not None:
        terms.append(per_channel(layer.bias))
    total = terms[0]
    for term in terms[1:]:
        total = graph.call_function(aten.add.Tensor, (total, term))
    return total
