"""The model of a reference, as it was saved: no weights fetched, no statistics estimated anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.core.errors import ModelError
from bakeoff.models.sources import source_of

if TYPE_CHECKING:
    import torch

    from bakeoff.models.single_file_import import Builder
    from bakeoff.models.sources.base import ModelSource

MODEL = "model.json"
"""In a reference's folder: the model's label and config section, and the function of a library that makes it."""


def load_reference_model(reference: str | Path, section: dict[str, Any], label: str) -> torch.nn.Module:
    """The model of a reference's folder, in eval mode and fp32 on the CPU. Raises ModelError.

    Args:
        reference: the folder that the reference job wrote.
        section: the model's config section in its JSON form.
        label: the model's label in the config.
    """
    source = source_of(label, section)
    return source.load(Path(reference) / source.stored_as)


def load_model(description: str | Path, stored: str | Path) -> torch.nn.Module:
    """The same from copies of a reference's model.json and of its `stored_model`. Raises ModelError."""
    source, builder = _described(Path(description))
    return source.load(Path(stored), builder)


def stored_model(reference: str | Path) -> Path:
    """The file of a reference's folder that holds the model: most often its state dict. Raises ModelError."""
    source, _ = _described(Path(reference) / MODEL)
    return Path(reference) / source.stored_as


def _described(description: Path) -> tuple[ModelSource, Builder | None]:
    try:
        told = json.loads(description.read_text(encoding="utf-8"))
        return source_of(told["label"], told["model"]), told.get("built_by")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{description} is damaged ({error!r}); delete its folder and run the study again") from error
