"""Opens a checkpoint without running code that may be in it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from bakeoff.core.errors import ModelError
from bakeoff.core.quoting import cause


def read_file(path: Path, where: str) -> Any:
    """What a .safetensors file holds, or one that torch.load(weights_only=True) reads; tensors are on the CPU.

    `where` is the config key named in errors. Raises ModelError where the file is missing, damaged or refused.
    """
    if not path.is_file():
        raise ModelError(f"{where}: there is no file '{path}'; paths are relative to {Path.cwd()}")
    return _read_safetensors(path, where) if path.suffix == ".safetensors" else _read_pickle(path, where)


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
