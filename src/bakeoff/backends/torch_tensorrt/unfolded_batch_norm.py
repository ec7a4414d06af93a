"""Batch normalization that freezing could not fold into a convolution, written as a product and a sum.

Torch-TensorRT-RTX 2.11 with the TorchScript frontend answers NaN for `aten::batch_norm`: it makes a scale layer with an
explicit power of 1, and this version of TensorRT takes that power of a negative number. Freezing folds the
normalizations that follow a convolution; those that follow an activation stay.
"""

from __future__ import annotations

from typing import Any

_CONVOLUTIONS = {"aten::_convolution", "aten::convolution", "aten::conv1d", "aten::conv2d", "aten::conv3d"}
_OTHER_AXES = {"prim::Param", "prim::Constant", "aten::linear", "aten::flatten", "aten::reshape", "aten::view"}
"""Where the search ends: what comes before has other axes, or is not known."""
_STRIDE = 3
"""Position of the strides, one for each axis of an image, among the inputs of all of them."""


def write_out_batch_norm(module: Any) -> int:
    """Rewrite, in place, the normalizations of a frozen ScriptModule whose constants are known; returns how many.

    One is left alone where no convolution is found before it, since the number of axes is then unknown.
    """
    graph = module.graph
    done = 0
    for node in graph.findAllNodes("aten::batch_norm"):
        given, *constants = node.inputs()
        axes = _image_axes(given)
        # (weight, bias, mean, variance, training, momentum, epsilon, cudnn)
        weight, bias, mean, variance, training, _, epsilon, _ = [value.toIValue() for value in constants]
        if axes is None or training or mean is None or variance is None:
            continue
        scale = (variance.double() + epsilon).rsqrt()
        if weight is not None:
            scale = scale * weight.double()
        shift = -mean.double() * scale
        if bias is not None:
            shift = shift + bias.double()
        graph.setInsertPoint(node)
        shape = [-1] + [1] * axes
        scaled = _inserted(graph, "aten::mul", given, scale.to(mean.dtype).reshape(shape))
        shifted = _inserted(graph, "aten::add", scaled, shift.to(mean.dtype).reshape(shape), 1)
        node.output().replaceAllUsesWith(shifted)
        node.destroy()
        done += 1
    return done


def _inserted(graph: Any, kind: str, value: Any, *constants: Any) -> Any:
    node = graph.insertNode(graph.create(kind, [value, *map(graph.insertConstant, constants)], 1))
    return node.output()


def _image_axes(value: Any) -> int | None:
    """How many axes an image has here: as the convolution has that it comes from, through operators that keep them."""
    for _ in range(1000):
        node = value.node()
        if node.kind() in _CONVOLUTIONS:
            return len([*node.inputs()][_STRIDE].toIValue() or []) or None
        if node.kind() in _OTHER_AXES:
            return None
        inputs = [*node.inputs()]
        if not inputs:
            return None
        value = inputs[0]
    return None
