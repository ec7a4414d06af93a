"""Whatever a model returns, as one flat list of named tensors."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bakeoff.core.errors import ModelError

if TYPE_CHECKING:
    import torch


def flatten(output: Any) -> list[tuple[str, torch.Tensor]]:
    """(name, tensor) of every tensor in the output, depth first, in the container's own order.

    Keys of dicts and fields of named tuples and dataclasses are names; what has none is `out<position>` at the top
    and `<parent>.<position>` below. Names hold only letters, digits, '.', '_' and '-', and are made distinct.
    None, numbers and strings are left out. Raises ModelError for any other object, in which tensors may be hidden, and
    where no tensor is left.
    """
    named: list[tuple[str, torch.Tensor]] = []
    taken: set[str] = set()
    for path, tensor in _leaves(output, ()):
        wanted = ".".join(path)
        if not path or (len(path) == 1 and path[0].isdigit()):
            wanted = f"out{path[0] if path else 0}"
        elif path[0].isdigit():
            wanted = f"out{wanted}"
        wanted = re.sub(r"[^A-Za-z0-9._-]", "_", wanted) or "out"
        name, count = wanted, 1
        while name in taken:
            name, count = f"{wanted}_{count}", count + 1
        taken.add(name)
        named.append((name, tensor))
    if not named:
        raise ModelError(
            f"the model returned {type(output).__name__} without any tensor in it; "
            "its forward() must return a tensor, or a tuple, list or dict of tensors"
        )
    return named


def left_out(output: Any) -> list[str]:
    """Path and type of each number and string in the output: `temperature (float)`."""
    import torch

    return [
        f"{'.'.join(path) or 'the output'} ({type(value).__name__})"
        for path, value in _parts(output, ())
        if not isinstance(value, torch.Tensor)
    ]


def is_plain(output: Any) -> bool:
    """Whether exporters understand it as it is: a tensor, or a tuple, list or dict of tensors."""
    import torch

    if isinstance(output, torch.Tensor):
        return True
    if type(output) is dict:
        return bool(output) and all(isinstance(v, torch.Tensor) for v in output.values())
    if isinstance(output, tuple | list):
        return bool(output) and all(isinstance(v, torch.Tensor) for v in output)
    return False


def flat_module(module: torch.nn.Module) -> torch.nn.Module:
    """The module behind one that returns a tuple of its flat outputs, for exporters that know no other container."""
    import torch

    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = module

        def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(tensor for _, tensor in flatten(self.model(*inputs)))

    return Flat().eval()


def _leaves(output: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], torch.Tensor]]:
    import torch

    for place, value in _parts(output, path):
        if isinstance(value, torch.Tensor):
            yield place, value


def _parts(output: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every tensor, number and string, with the way to it. Raises ModelError for an object of another kind."""
    import torch

    if output is None:
        return
    if isinstance(output, torch.Tensor | str | int | float | complex | bytes):
        yield path, output
    elif isinstance(output, Mapping):
        for key, value in output.items():
            yield from _parts(value, (*path, str(key)))
    elif isinstance(output, tuple) and hasattr(output, "_fields"):
        for field, value in zip(output._fields, output, strict=True):
            yield from _parts(value, (*path, field))
    elif isinstance(output, tuple | list):
        for index, value in enumerate(output):
            yield from _parts(value, (*path, str(index)))
    elif dataclasses.is_dataclass(output) and not isinstance(output, type):
        for field in dataclasses.fields(output):
            yield from _parts(getattr(output, field.name), (*path, field.name))
    else:
        raise ModelError(
            f"the model's output {'.'.join(path) or 'itself'} is a {type(output).__name__}, in which no tensor can "
            "be found; wrap the model so that forward() returns tensors, in tuples, lists, dicts or dataclasses"
        )
