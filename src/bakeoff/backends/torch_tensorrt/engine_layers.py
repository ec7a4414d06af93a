"""What TensorRT's inspector tells of the engines inside a compiled graph."""

from __future__ import annotations

import json
from typing import Any

from bakeoff.backends.tensorrt import info


def engine_layers(compiled: Any) -> list[tuple[str, str | None]]:
    """(operator type, dtype) of each layer of each engine in a compiled graph; a dtype is None where it is not told.

    Torch-TensorRT builds engines that tell the names of their layers alone, unless it is debugging; then nothing is
    known of their types.
    """
    found: list[tuple[str, str | None]] = []
    for module in compiled.modules():
        ask = getattr(module, "get_layer_info", None)
        if ask is None:
            continue
        try:
            layers = info.layers({"engine": json.loads(ask())})
        except (ValueError, KeyError, TypeError, RuntimeError):
            continue  # what it says is no list of layers, so it tells nothing
        found += [(layer.type, layer.dtype) for layer in layers]
    return found
