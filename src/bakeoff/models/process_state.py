"""What a user's file may set for its whole process, put back after it has run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class _Setting:
    """One thing that holds for a whole process."""

    words: str
    get: Callable[[], Any]
    set: Callable[[Any], Any]


@contextmanager
def restored(notes: list[str]) -> Iterator[None]:
    """Put threads, TF32 and the like back to what they were, and note what had been changed.

    Training scripts set them at their top. In a process that measures they would hold for every target of the model,
    and make the reference something else than fp32.
    """
    settings = _settings()
    before = [_value(setting) for setting in settings]
    try:
        yield
    finally:
        for setting, value in zip(settings, before, strict=True):
            found = _value(setting)
            if found == value:
                continue
            with suppress(RuntimeError):
                setting.set(value)
                notes.append(f"its code sets {setting.words} to {found} for the whole process; set back to {value}")


def _value(setting: _Setting) -> Any:
    try:
        return setting.get()
    except RuntimeError:  # PyTorch refuses to say after a mixture of its older and its newer settings
        return None


def _settings() -> list[_Setting]:
    import torch

    def flag(owner: Any, name: str, words: str) -> _Setting:
        return _Setting(words, lambda: getattr(owner, name), lambda value: setattr(owner, name, value))

    cudnn = torch.backends.cudnn
    return [
        _Setting("the folder it works in", os.getcwd, os.chdir),
        _Setting("CPU threads", torch.get_num_threads, torch.set_num_threads),
        _Setting("the precision of float32 products", torch.get_float32_matmul_precision,
                 torch.set_float32_matmul_precision),
        flag(torch.backends.cuda.matmul, "allow_tf32", "TF32 in products"),
        flag(cudnn, "allow_tf32", "TF32 in convolutions"),
        flag(cudnn, "benchmark", "cudnn.benchmark"),
        flag(cudnn, "deterministic", "cudnn.deterministic"),
        flag(cudnn, "enabled", "cudnn.enabled"),
        _Setting("the default dtype", torch.get_default_dtype, torch.set_default_dtype),
        _Setting("the default device", torch.get_default_device, torch.set_default_device),
        _Setting("gradients", torch.is_grad_enabled, torch.set_grad_enabled),
        _Setting("deterministic algorithms", torch.are_deterministic_algorithms_enabled,
                 torch.use_deterministic_algorithms),
    ]  # fmt: skip
