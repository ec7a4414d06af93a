"""How well a state dict fits a model, once a prefix of its keys is taken off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakeoff.core.quoting import short
from bakeoff.models.checkpoints.prefixes import prefixes
from bakeoff.models.checkpoints.state_dicts import StateDict, some, with_types

if TYPE_CHECKING:
    import torch

_Storage = tuple[int, tuple[int, ...]]

_TYPES = {"float16": "fp16", "bfloat16": "bf16", "float32": "fp32", "float64": "fp64"}
"""Names of torch's types that have another name in configs and reports."""


class Wanted:
    """What a model asks of a checkpoint: the state dict that it has of its own."""

    def __init__(self, own: Mapping[str, Any]) -> None:
        self.own = own
        self._storages = {key: _storage(value) for key, value in own.items()}

    def missing(self, given: Mapping[str, Any]) -> list[str]:
        """The model's keys that are not given and have to be."""
        # tied weights are one tensor under several names; safetensors keeps one of them
        present = {self._storages[key] for key in given if key in self.own} - {None}
        return [
            key
            for key, storage in self._storages.items()
            if key not in given and not key.endswith("num_batches_tracked") and storage not in present
        ]

    def mismatch(self, key: str, given: Any) -> str | None:
        """What the checkpoint and the model have under a key, where a tensor of the model's cannot take it."""
        import torch

        wanted = self.own[key]
        if not isinstance(wanted, torch.Tensor):
            return None
        if not isinstance(given, torch.Tensor):
            return f"{key} (checkpoint {type(given).__name__}, model {list(wanted.shape)})"
        if torch.nn.parameter.is_lazy(wanted) or given.shape == wanted.shape:
            return None
        return f"{key} (checkpoint {list(given.shape)}, model {list(wanted.shape)})"

    def conversion(self, key: str, given: Any) -> str | None:
        """Which type has to become which, where they differ: `fp16 to fp32`."""
        import torch

        wanted = self.own[key]
        if not isinstance(wanted, torch.Tensor) or given.dtype == wanted.dtype:
            return None
        return f"{_type_name(given)} to {_type_name(wanted)}"


@dataclass(frozen=True)
class Fit:
    """A state dict compared with what a model asks for."""

    found: StateDict
    prefix: str
    """What was taken off its keys, up to a dot; empty where nothing was."""
    state: dict[str, Any]
    """What is to be loaded, by the model's keys where it fits."""
    ignored: dict[Any, Any]
    """Entries that are no tensors, and that the model does not ask for."""
    missing: list[str]
    unexpected: list[str]
    misshaped: list[str]
    converted: dict[str, int]
    """How many tensors are of another type than the model's, by `fp16 to fp32`."""

    @property
    def matched(self) -> int:
        """How many entries have a key and a shape of the model's."""
        return len(self.state) - len(self.misshaped)

    @property
    def complaints(self) -> list[str]:
        """Why it does not fit: up to three missing, unexpected and mis-shaped keys each."""
        kinds = (("missing", self.missing), ("unexpected", self.unexpected), ("of another shape", self.misshaped))
        return [f"{len(keys)} {what}: {some(keys)}" for what, keys in kinds if keys]

    @property
    def read_as(self) -> list[str]:
        """What of the checkpoint this is: the key that it lies under, and what was taken off its own keys."""
        taken = [f"its key {self.found.place}"] if self.found.keys else []
        return taken + ([f"prefix {short(self.prefix)} taken off"] if self.prefix else [])

    @property
    def notes(self) -> list[str]:
        """What is done with the checkpoint to load it, in words."""
        notes = self.read_as
        if self.ignored:
            notes.append(f"ignored, being no tensors: {with_types(self.ignored)}")
        tensors = len(self.found.tensors)
        return notes + [f"converted from {how}: {count} of {tensors} tensors" for how, count in self.converted.items()]


def best_fit(found: StateDict, wanted: Wanted) -> Fit:
    """The state dict as it fits: with its keys as they are, else without the shortest prefix that all of them have.

    Where it fits in no way, the one of which the most entries fit; there the prefix may be one that most keys have.
    """
    fits = []
    for prefix in prefixes(found.tensors):
        fits.append(_compare(found, prefix, wanted))
        if not fits[-1].complaints:
            return fits[-1]
    return max(fits, key=lambda fit: fit.matched)


def _compare(found: StateDict, prefix: str, wanted: Wanted) -> Fit:
    state: dict[str, Any] = {}
    ignored: dict[Any, Any] = {}
    unexpected = []
    for key, value in {**found.tensors, **found.others}.items():
        # what the model asks for need not be a tensor: a module may keep anything (get_extra_state)
        if isinstance(key, str) and key.startswith(prefix) and key.removeprefix(prefix) in wanted.own:
            state[key.removeprefix(prefix)] = value
        elif key in found.tensors:
            unexpected.append(key.removeprefix(prefix))
        else:
            ignored[key] = value
    misshaped = [text for name, value in state.items() if (text := wanted.mismatch(name, value))]
    converted: Counter[str] = Counter()
    if not misshaped:
        converted.update(filter(None, (wanted.conversion(name, value) for name, value in state.items())))
    return Fit(found, prefix, state, ignored, wanted.missing(state), unexpected, misshaped, dict(converted))


def _storage(value: Any) -> _Storage | None:
    import torch

    if not isinstance(value, torch.Tensor) or torch.nn.parameter.is_lazy(value) or value.numel() == 0:
        return None
    return value.data_ptr(), tuple(value.shape)


def _type_name(tensor: torch.Tensor) -> str:
    name = str(tensor.dtype).removeprefix("torch.")
    return _TYPES.get(name, name)
