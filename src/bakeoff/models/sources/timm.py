"""Models of timm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakeoff.core.errors import ModelError
from bakeoff.core.quoting import cause
from bakeoff.core.suggest import nearest
from bakeoff.models.spec import TimmModel

if TYPE_CHECKING:
    import torch


def make(label: str, model: TimmModel, fetch: bool) -> torch.nn.Module:
    """The model, with pretrained weights where the config asks for them and `fetch` is true.

    Raises ModelError for an unknown name, arguments that it refuses, and weights that cannot be fetched.
    """
    import timm

    name = model.name or label
    where = f"models.{label}"
    architecture = name.partition(".")[0]
    hosted = name.startswith(("hf-hub:", "hf_hub:", "local-dir:"))
    if not hosted and not timm.is_model(architecture):
        raise ModelError(f"{where}: timm knows no model '{architecture}'{nearest(architecture, timm.list_models())}")
    for key in ("pretrained", "checkpoint_path"):
        if key in model.args:
            raise ModelError(f"{where}.args.{key}: weights are chosen by {where}.weights; remove this argument")
    pretrained = model.weights == "pretrained" and fetch
    if pretrained and not hosted and not timm.models.is_model_pretrained(name):
        raise ModelError(f"{where}.weights: timm has no pretrained weights for '{name}'; say random, or a path")
    try:
        return timm.create_model(name, pretrained=pretrained, **model.args)
    except Exception as error:
        if pretrained:
            raise ModelError(
                f"{where}.weights: timm could not fetch pretrained weights of '{name}' ({cause(error)}); "
                "check the network, give the path of a checkpoint, or say weights: random"
            ) from error
        given = f" with args {model.args}" if model.args else ""
        raise ModelError(f"{where}: timm could not make '{name}'{given}: {cause(error)}") from error
