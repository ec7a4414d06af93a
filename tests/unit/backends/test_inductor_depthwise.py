"""Depthwise convolutions as products and sums compute what the convolutions did."""

from typing import Any

import pytest
import torch
from torch import nn

from bakeoff.backends.inductor.depthwise import decompose_depthwise

CONVOLUTIONS = {
    "plain": {"kernel_size": 3},
    "padded": {"kernel_size": 3, "padding": 1},
    "strided": {"kernel_size": 5, "padding": 2, "stride": 2},
    "dilated": {"kernel_size": 3, "padding": 4, "dilation": 4},
    "unequal": {"kernel_size": (1, 3), "padding": (0, 1), "stride": (2, 1), "dilation": (1, 2)},
    "without bias": {"kernel_size": 3, "bias": False},
    "a weight a channel": {"kernel_size": 1},
}
OTHERS = {
    "one channel": nn.Conv2d(1, 1, 3),
    "not grouped": nn.Conv2d(4, 4, 3),
    "of two groups": nn.Conv2d(4, 4, 3, groups=2),
    "two outputs a channel": nn.Conv2d(4, 8, 3, groups=4),
    "large": nn.Conv2d(4, 4, 9, groups=4),
}


def captured(module: nn.Module, x: torch.Tensor, dynamic: bool = False) -> Any:
    """Its graph of ATen operators."""
    shapes = ({0: torch.export.Dim("batch")},) if dynamic else None
    return torch.export.export(module.eval(), (x,), dynamic_shapes=shapes, strict=False).module()


def convolutions(module: Any) -> int:
    """How many the graph holds."""
    return sum("conv" in str(node.target) for node in module.graph.nodes if node.op == "call_function")


@pytest.mark.parametrize("options", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
@pytest.mark.parametrize("channels_last", [False, True])
def test_it_computes_the_same(options: dict[str, Any], channels_last: bool) -> None:
    torch.manual_seed(0)
    module = nn.Conv2d(6, 6, groups=6, **options)
    order = torch.channels_last if channels_last else torch.contiguous_format
    graph = captured(module, torch.zeros(2, 6, 13, 12), dynamic=True)
    assert decompose_depthwise(graph) == 1
    assert convolutions(graph) == 0
    for batch in (2, 5):
        x = torch.randn(batch, 6, 13, 12).to(memory_format=order)
        torch.testing.assert_close(graph(x), module(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("module", OTHERS.values(), ids=OTHERS)
def test_other_convolutions_stay(module: nn.Conv2d) -> None:
    x = torch.randn(2, module.in_channels, 12, 12)
    graph = captured(module, x)
    assert decompose_depthwise(graph) == 0
    assert convolutions(graph) == 1
    torch.testing.assert_close(graph(x), module(x))


def test_each_of_a_network_is_replaced() -> None:
    def block(channels: int) -> nn.Sequential:
        depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        return nn.Sequential(depthwise, nn.BatchNorm2d(channels), nn.ReLU6(), nn.Conv2d(channels, channels, 1))

    module, x = nn.Sequential(block(4), block(4)), torch.randn(3, 4, 8, 8)
    graph = captured(module, x)
    assert decompose_depthwise(graph) == 2
    assert convolutions(graph) == 2
    with torch.no_grad():
        torch.testing.assert_close(graph(x), module(x), rtol=1e-5, atol=1e-5)
