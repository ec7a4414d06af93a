"""What a config hands on to a model's factory: plain data, which is the same in JSON."""

from __future__ import annotations

import math
from typing import Any


class NotPlainError(ValueError):
    """A value that JSON cannot say; `path` leads to it."""

    def __init__(self, path: tuple[Any, ...], words: str) -> None:
        super().__init__(words)
        self.path = path


def plain_data(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """The value itself. Raises NotPlainError for what JSON cannot say: dates, NaN, keys that are numbers."""
    match value:
        case None | bool() | str():
            pass
        case int():
            if abs(value) >= 2**63:
                raise NotPlainError(path, "a whole number of more than 64 bits cannot be handed on; put it in quotes")
        case float():
            if not math.isfinite(value):
                raise NotPlainError(path, f"{value} is no number to use; give a finite one")
        case list():
            for index, item in enumerate(value):
                plain_data(item, (*path, index))
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise NotPlainError((*path, key), f"a key must be text, got {key!r}; put it in quotes")
                plain_data(item, (*path, key))
        case _:
            raise NotPlainError(
                path,
                f"a {type(value).__name__} cannot be handed on, only text, numbers, true, false, null, lists and "
                f"mappings, got {value!r}; put it in quotes",
            )
    return value
