"""Where state dicts lie in what a checkpoint holds: at its top, or under keys of any name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakeoff.core.quoting import short

if TYPE_CHECKING:
    import torch

MAX_DEPTH = 5
"""Keys, one inside the other, under which a state dict is looked for."""


USUAL = ("state_dict", "model_state_dict", "model")
"""Keys under which training scripts keep the weights themselves, and not an average of them or another network's."""


@dataclass(frozen=True)
class StateDict:
    """A dict of a checkpoint that holds tensors by name."""

    keys: tuple[Any, ...]
    """The keys under which it lies, the outermost first; none for the checkpoint itself."""
    tensors: dict[str, torch.Tensor]
    others: dict[Any, Any]
    """Its entries that are no tensors by name: `epoch: 3`, for example."""

    @property
    def place(self) -> str:
        """The key under which it lies, in words: `'state_dict' in 'model'`."""
        return " in ".join(short(key) for key in reversed(self.keys))

    @property
    def is_usual(self) -> bool:
        """Whether it is the checkpoint itself, or lies under usual keys only."""
        return all(_is_usual(key) for key in self.keys)


def find_state_dicts(data: Any) -> list[StateDict]:
    """Every dict within `data` that holds a tensor under a name, the outer ones first."""
    import torch

    found: list[StateDict] = []
    level: list[tuple[tuple[Any, ...], Any]] = [((), data)]
    seen: set[int] = set()
    for _ in range(MAX_DEPTH + 1):
        inner: list[tuple[tuple[Any, ...], Any]] = []
        for keys, value in level:
            # a pickle may hold a dict within itself, or several times: then the usual name is the one to tell
            if not isinstance(value, Mapping) or id(value) in seen:
                continue
            seen.add(id(value))
            tensors = {k: v for k, v in value.items() if isinstance(k, str) and isinstance(v, torch.Tensor)}
            if tensors:
                found.append(StateDict(keys, tensors, {k: v for k, v in value.items() if k not in tensors}))
            inner += [((*keys, key), value[key]) for key in sorted(value, key=_is_usual, reverse=True)]
        level = inner
    return found


def _is_usual(key: Any) -> bool:
    return isinstance(key, str) and key in USUAL


def content(data: Any) -> str:
    """What a checkpoint without a state dict holds, in words."""
    if not isinstance(data, Mapping):
        return f"a {type(data).__name__}"
    return f"a dict with keys {with_types(data)}" if data else "an empty dict"


def with_types(entries: Mapping[Any, Any], shown: int = 10) -> str:
    """The entries' keys and types: `epoch (int), optimizer (dict)`; at most `shown` of them."""
    return some((f"{_named(key)} ({type(value).__name__})" for key, value in entries.items()), shown)


def some(keys: Iterable[str], shown: int = 3) -> str:
    """The first keys, at most `shown`, and dots where there are more."""
    keys = list(keys)
    return ", ".join(keys[:shown]) + (", ..." if len(keys) > shown else "")


def _named(key: Any) -> str:
    """A key as it is where it is a short name, else as a message quotes values."""
    return key if isinstance(key, str) and len(key) <= 80 and key.isprintable() else short(key)
