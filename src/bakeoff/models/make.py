"""A model from its section of the config."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from bakeoff.artifacts.io import digest
from bakeoff.core.errors import ModelError
from bakeoff.models.seeding import seeded
from bakeoff.models.single_file_import import forget_empty_packages
from bakeoff.models.sources import file as from_file
from bakeoff.models.sources import timm as from_timm
from bakeoff.models.sources import torchscript as from_torchscript
from bakeoff.models.sources import torchvision as from_torchvision
from bakeoff.models.spec import (
    FileModel,
    ModelBase,
    ModelSpec,
    TimmModel,
    TorchscriptModel,
    TorchvisionModel,
    has_real_weights,
    weights_path,
)
from bakeoff.models.weights import load_weights, read_checkpoint

if TYPE_CHECKING:
    import torch


def parse_model(section: dict[str, Any]) -> ModelBase:
    """The model's config section from its JSON form."""
    model: ModelBase = TypeAdapter(ModelSpec).validate_python(section)
    return model


def make_architecture(label: str, model: ModelBase, fetch: bool = False) -> torch.nn.Module:
    """The module in eval mode and fp32 on the CPU, weights as its source makes them under the model's seed.

    Pretrained weights are read only with `fetch`; checkpoints never. Raises ModelError.
    """
    import torch

    forget_empty_packages()
    with seeded(model.seed):
        if isinstance(model, TorchvisionModel):
            module = from_torchvision.make(label, model, fetch)
        elif isinstance(model, TimmModel):
            module = from_timm.make(label, model, fetch)
        elif isinstance(model, FileModel):
            module = from_file.make(label, model)
        elif isinstance(model, TorchscriptModel):
            return from_torchscript.make(label, model.path)
        else:
            raise ModelError(f"models.{label}: unknown source {type(model).__name__}")
    module = module.to(device="cpu", dtype=torch.float32).eval()
    # timing and exports are of inference; gradients would only cost memory
    return module.requires_grad_(False)


def make_model(label: str, model: ModelBase) -> torch.nn.Module:
    """The model with the weights that its config names, random ones as the library draws them. Raises ModelError."""
    module = make_architecture(label, model, fetch=True)
    path = weights_path(model)
    if path:
        where = f"models.{label}.weights"
        load_weights(module, read_checkpoint(path, where), where, path)
    return module


def describe_weights(model: ModelBase) -> str:
    """Where the weights come from, in words, with the digest of a checkpoint."""
    if isinstance(model, TorchscriptModel):
        return f"as in {model.path} (sha256 {digest(model.path).sha256[:12]})"
    path = weights_path(model)
    if path:
        return f"{Path(path)} (sha256 {digest(path).sha256[:12]})"
    if not has_real_weights(model):
        return f"random, seed {model.seed}"
    if isinstance(model, FileModel):
        return "as the factory returns them"
    return f"pretrained, from {'torchvision' if isinstance(model, TorchvisionModel) else 'timm'}"
