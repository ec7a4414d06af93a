"""Models of torchvision."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bakeoff.core.errors import ModelError
from bakeoff.core.quoting import cause
from bakeoff.core.suggest import nearest
from bakeoff.models.spec import TorchvisionModel

if TYPE_CHECKING:
    import torch


def make(label: str, model: TorchvisionModel, fetch: bool) -> torch.nn.Module:
    """The model, with pretrained weights where the config asks for them and `fetch` is true.

    With `fetch` false a pretrained model is built in the same way (pretrained inception_v3, for example, transforms
    its input and a random one does not) but nothing is downloaded; the caller loads the weights.
    Raises ModelError for an unknown name, arguments that it refuses, and weights that cannot be fetched.
    """
    import torchvision

    name = model.name or label
    where = f"models.{label}"
    known = torchvision.models.list_models()
    if name not in known:
        raise ModelError(f"{where}: torchvision knows no model '{name}'{nearest(name, known)}")
    for key in ("weights", "pretrained", "weights_backbone"):
        if key in model.args:
            raise ModelError(f"{where}.args.{key}: weights are chosen by {where}.weights; remove this argument")
    pretrained = model.weights == "pretrained"
    args: dict[str, Any] = dict(model.args)
    if (
        not pretrained
        and "weights_backbone" in inspect.signature(torchvision.models.get_model_builder(name)).parameters
    ):
        # its default would download a backbone for a model that was asked to be random
        args["weights_backbone"] = None
    if pretrained and not list(torchvision.models.get_model_weights(name)):
        raise ModelError(f"{where}.weights: torchvision has no pretrained weights for '{name}'; say random, or a path")
    try:
        if pretrained and fetch:
            return torchvision.models.get_model(name, weights="DEFAULT", **args)
        if pretrained:
            with _empty_weights():
                return torchvision.models.get_model(name, weights="DEFAULT", **args)
        return torchvision.models.get_model(name, weights=None, **args)
    except (OSError, RuntimeError) as error:
        if not (pretrained and fetch):
            raise ModelError(f"{where}: torchvision could not make '{name}': {cause(error)}") from error
        raise ModelError(
            f"{where}.weights: torchvision could not fetch pretrained weights of '{name}' ({cause(error)}); "
            f"check the network, give the path of a checkpoint, or say weights: random"
        ) from error
    except Exception as error:
        given = f" with args {model.args}" if model.args else ""
        raise ModelError(f"{where}: torchvision could not make '{name}'{given}: {cause(error)}") from error


@contextmanager
def _empty_weights() -> Iterator[None]:
    """Within it, torchvision's builders take the pretrained path but load nothing."""
    import torch
    from torchvision.models._api import WeightsEnum

    get, load = WeightsEnum.get_state_dict, torch.nn.Module.load_state_dict
    WeightsEnum.get_state_dict = lambda *_, **__: {}
    torch.nn.Module.load_state_dict = lambda *_, **__: None
    try:
        yield
    finally:
        WeightsEnum.get_state_dict = get
        torch.nn.Module.load_state_dict = load
