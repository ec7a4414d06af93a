"""The model of a reference, as it was saved: no weights fetched, no statistics estimated anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.core.errors import ModelError
from bakeoff.core.quoting import cause
from bakeoff.models.make import make_architecture, parse_model
from bakeoff.models.single_file_import import make_lean
from bakeoff.models.sources import torchscript as from_torchscript
from bakeoff.models.spec import ModelBase, TimmModel, TorchscriptModel, TorchvisionModel

if TYPE_CHECKING:
    import torch

MODEL = "model.json"
"""In a reference's folder: the model's label and config section."""
STATE = "state.pt"
"""In a reference's folder: the state dict."""
SCRIPT = "module.ts"
"""In a reference's folder, instead of the state dict, for a TorchScript file that somebody gave."""


def load_reference_model(reference: str | Path, section: dict[str, Any], label: str) -> torch.nn.Module:
    """The model of a reference's folder, in eval mode and fp32 on the CPU. Raises ModelError.

    Args:
        reference: the folder that the reference job wrote.
        section: the model's config section in its JSON form.
        label: the model's label in the config.
    """
    given = section.get("source") == "torchscript"
    return _load(label, section, Path(reference) / (SCRIPT if given else STATE))


def load_model(description: str | Path, state: str | Path) -> torch.nn.Module:
    """The same from copies of a reference's model.json and its state (an eager engine's files). Raises ModelError."""
    try:
        told = json.loads(Path(description).read_text(encoding="utf-8"))
        label, section = told["label"], told["model"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{description} is damaged ({error!r}); delete its folder and run the study again") from error
    return _load(label, section, Path(state), told.get("built_by"))


def _load(label: str, section: dict[str, Any], state: Path, builder: dict[str, str] | None = None) -> torch.nn.Module:
    import torch

    model = parse_model(section)
    if isinstance(model, TorchscriptModel):
        return from_torchscript.make(label, state)
    module = _make_lean(model, builder) or make_architecture(label, model)
    try:
        module.load_state_dict(torch.load(state, map_location="cpu", weights_only=True))
    except Exception as error:
        raise ModelError(
            f"models.{label}: the model as it is made now does not take the weights saved in {state} ({cause(error)}); "
            f"where its code has changed since, delete {state.parent} and run the study again"
        ) from error
    return module


def _make_lean(model: ModelBase, builder: dict[str, str] | None) -> torch.nn.Module | None:
    """The module without its library's other models; None where that library must be imported whole."""
    import torch

    if builder is None or not isinstance(model, TorchvisionModel | TimmModel) or model.weights == "pretrained":
        return None
    args = {"weights": None} if isinstance(model, TorchvisionModel) else {"pretrained": False}
    module = make_lean(model.source, builder, {**args, **model.args})
    if module is None:
        return None
    made: torch.nn.Module = module.to(device="cpu", dtype=torch.float32).eval().requires_grad_(False)
    return made
