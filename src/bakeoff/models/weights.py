"""Weights from a checkpoint, read without running code that may be in it."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.core.errors import ModelError
from bakeoff.core.quoting import cause

if TYPE_CHECKING:
    import torch

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "_orig_mod.")
_SHOWN = 3


def read_checkpoint(path: str | Path, where: str) -> dict[str, torch.Tensor]:
    """State dict of a .safetensors file, or of one that torch.load(weights_only=True) reads.

    A state dict inside {'state_dict': ...}, {'model_state_dict': ...} or {'model': ...} is taken out.
    `where` is the config key named in errors.
    Raises ModelError where the file is missing, damaged, refused, or holds no state dict.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{where}: there is no file '{path}'; paths are relative to {Path.cwd()}")
    data = _read_safetensors(path, where) if path.suffix == ".safetensors" else _read_pickle(path, where)
    state = _unwrapped(data)
    if state is None:
        raise ModelError(
            f"{where}: {path} holds no state dict (names to tensors) but {_content(data)}; "
            "save one with torch.save(model.state_dict(), path)"
        )
    return state


def load_weights(module: torch.nn.Module, state: dict[str, torch.Tensor], where: str, path: str | Path) -> None:
    """Copy a state dict into the module; the prefixes of DataParallel and torch.compile are taken off its keys.

    Raises ModelError naming up to three missing, unexpected and mis-shaped keys each.
    """
    import torch

    own = module.state_dict()
    # not where the model itself has a part of that name
    while state and not any(key in own for key in state):
        prefix = next((p for p in _PREFIXES if all(key.startswith(p) for key in state)), None)
        if prefix is None:
            break
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    # tied weights are one tensor under several names; safetensors keeps one of them
    present = {_storage(own[key]) for key in state if key in own} - {None}
    missing = [
        key
        for key, value in own.items()
        if key not in state and not key.endswith("num_batches_tracked") and _storage(value) not in present
    ]
    unexpected = [key for key in state if key not in own]
    misshaped = [
        f"{key} (checkpoint {list(state[key].shape)}, model {list(value.shape)})"
        for key, value in own.items()
        if key in state and not torch.nn.parameter.is_lazy(value) and state[key].shape != value.shape
    ]
    complaints = [
        f"{len(keys)} {what}: {_some(keys)}"
        for what, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", misshaped))
        if keys
    ]
    if complaints:
        raise ModelError(
            f"{where}: {path} does not fit the model; {'; '.join(complaints)}; "
            "check that checkpoint and model (its name and args) belong together"
        )
    try:
        module.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise ModelError(f"{where}: {path} could not be loaded into the model: {cause(error)}") from error


def _read_safetensors(path: Path, where: str) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{where}: {path} is no safetensors file, or is damaged ({cause(error)})") from error


def _read_pickle(path: Path, where: str) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{where}: weights_only refused {path}: it holds more than tensors, or is no checkpoint, and reading it "
            "could run code; save a state dict with torch.save(model.state_dict(), path), or use safetensors"
        ) from error
    except Exception as error:
        hint = "a TorchScript file is used with source: torchscript" if "TorchScript" in str(error) else ""
        raise ModelError(
            f"{where}: {path} could not be read as a checkpoint ({cause(error)}); "
            f"{hint or 'it may be damaged or cut short, fetch or save it again'}"
        ) from error


def _unwrapped(data: Any) -> dict[str, torch.Tensor] | None:
    import torch

    for _ in range(3):
        if not isinstance(data, Mapping) or not data:
            return None
        if all(isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in data.items()):
            return dict(data)
        inner = next((data[key] for key in _WRAPPERS if isinstance(data.get(key), Mapping)), None)
        if inner is None:
            return None
        data = inner
    return None


def _content(data: Any) -> str:
    if not isinstance(data, Mapping):
        return f"a {type(data).__name__}"
    return f"a dict with keys {_some(map(str, data))}" if data else "an empty dict"


def _storage(tensor: torch.Tensor) -> tuple[int, tuple[int, ...]] | None:
    import torch

    if torch.nn.parameter.is_lazy(tensor) or tensor.numel() == 0:
        return None
    return tensor.data_ptr(), tuple(tensor.shape)


def _some(keys: Iterable[str]) -> str:
    keys = list(keys)
    return ", ".join(keys[:_SHOWN]) + (", ..." if len(keys) > _SHOWN else "")
