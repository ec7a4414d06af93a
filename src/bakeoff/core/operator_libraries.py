"""Libraries that register operators of their own with PyTorch, imported when a file turns out to need one."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import TypeVar

Loaded = TypeVar("Loaded")

_OPERATOR = re.compile(r"\b([A-Za-z_]\w*)(?:::|\.)(\w+)")
"""An operator with its namespace, as messages spell it: `torchvision::roi_align`, `torchvision.roi_align.default`."""
_OWN = {"aten", "prim", "prims", "torch", "quantized", "c10", "at"}


def with_operators(load: Callable[[], Loaded]) -> Loaded:
    """What `load` gives; where it fails for want of operators whose library is installed, after importing that.

    A library of operators is named as their namespace is: `torchvision`. Raises what `load` raises.
    """
    try:
        return load()
    except Exception as error:
        named = [name for name in dict.fromkeys(_namespaces(str(error))) if name not in _OWN]
        # torch.export.load says only that it could not read the file
        likely = sorted(_KNOWN - sys.modules.keys()) if "deserializ" in str(error) else named
        missing = [name for name in likely if _is_library(name)]
        if not missing:
            raise
    for name in missing:
        importlib.import_module(name)
    return load()


def _namespaces(words: str) -> list[str]:
    return [namespace for namespace, _ in _OPERATOR.findall(words)]


def _is_library(name: str) -> bool:
    try:
        return find_spec(name) is not None and name in _KNOWN
    except (ImportError, ValueError):
        return False


_KNOWN = {
    "torchvision", "torchaudio", "torchao", "torch_scatter", "torch_sparse", "torch_cluster", "torch_spline_conv",
    "fbgemm_gpu", "xformers", "detectron2",
}  # fmt: skip
"""Only these are imported: a message may name anything, files of the user's among them."""
