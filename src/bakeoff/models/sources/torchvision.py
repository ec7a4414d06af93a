"""Models of torchvision."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from bakeoff.core.errors import ModelError
from bakeoff.core.quoting import cause
from bakeoff.models.data.classes import Classes
from bakeoff.models.data.images import OwnPreprocessing
from bakeoff.models.single_file_import import Builder, builder_of
from bakeoff.models.sources.weighted import LibraryModel, LibrarySource

if TYPE_CHECKING:
    import torch


class TorchvisionModel(LibraryModel):
    """A model of torchvision, by the name that `torchvision.models.get_model` knows."""

    source: Literal["torchvision"]


class TorchvisionSource(LibrarySource):
    """Asks `torchvision.models.get_model` for the model."""

    name = "torchvision"
    rank = 10
    Config = TorchvisionModel
    distributions = ("torchvision",)
    placeholders = ("torchvision", "torchvision.models", "torchvision.ops")
    random_weights = {"weights": None}
    config: TorchvisionModel

    def build(self, fetch: bool) -> torch.nn.Module:
        """See ModelSource.build.

        With `fetch` false a pretrained model is built in the same way (pretrained inception_v3, for example,
        transforms its input and a random one does not) but nothing is downloaded.
        Raises ModelError for an unknown name, arguments that it refuses, and weights that cannot be fetched.
        """
        import torchvision

        name, where = self.model_name, self.key
        known = torchvision.models.list_models()
        if name not in known:
            raise ModelError(self.unknown_name(known))
        for key in ("weights", "pretrained", "weights_backbone"):
            if key in self.config.args:
                raise ModelError(f"{where}.args.{key}: weights are chosen by {where}.weights; remove this argument")
        pretrained = self.config.weights == "pretrained"
        args: dict[str, Any] = dict(self.config.args)
        parameters = inspect.signature(torchvision.models.get_model_builder(name)).parameters
        if not pretrained and "weights_backbone" in parameters:
            # its default would download a backbone for a model that was asked to be random
            args["weights_backbone"] = None
        if pretrained and not list(torchvision.models.get_model_weights(name)):
            raise ModelError(
                f"{where}.weights: torchvision has no pretrained weights for '{name}'; say random, or a path"
            )
        # where torchvision cannot be kept from fetching, it fetches, and what then fails is told as such
        fetches = pretrained and (fetch or not can_leave_weights_out(name))
        try:
            if fetches:
                return torchvision.models.get_model(name, weights="DEFAULT", **args)
            if pretrained:
                with weights_left_out(name):
                    return torchvision.models.get_model(name, weights="DEFAULT", **args)
            return torchvision.models.get_model(name, weights=None, **args)
        except (OSError, RuntimeError) as error:
            if not fetches:
                raise ModelError(f"{where}: torchvision could not make '{name}': {cause(error)}") from error
            raise ModelError(
                f"{where}.weights: torchvision could not fetch pretrained weights of '{name}' ({cause(error)}); "
                f"check the network, give the path of a checkpoint, or say weights: random"
            ) from error
        except Exception as error:
            given = f" with args {self.config.args}" if self.config.args else ""
            raise ModelError(f"{where}: torchvision could not make '{name}'{given}: {cause(error)}") from error

    def preprocessing(self) -> OwnPreprocessing | None:
        """See ModelSource.preprocessing: the transforms of the model's default weights, of a classifier."""
        weights = self._default_weights()
        how = weights.transforms() if weights is not None else None
        if how is None or not hasattr(how, "crop_size"):
            return None
        return OwnPreprocessing(
            resize=how.resize_size[0],
            crop=how.crop_size[0],
            interpolation=how.interpolation.value,
            mean=tuple(how.mean),
            std=tuple(how.std),
            origin=f"torchvision's transforms of {weights}",
        )

    def classes(self) -> Classes | None:
        """See ModelSource.classes: the categories of the model's default weights."""
        weights = self._default_weights()
        names = weights.meta.get("categories") if weights is not None else None
        if not names or self.config.args.get("num_classes", len(names)) != len(names):
            return None
        return Classes(tuple(names), origin="torchvision's categories")

    def _default_weights(self) -> Any:
        """The default weights, of which nothing is read; None where torchvision has none, or no such model."""
        import torchvision

        try:
            return torchvision.models.get_model_weights(self.model_name)["DEFAULT"]
        except (ValueError, KeyError):
            return None

    def builder(self) -> Builder | None:
        """See ModelSource.builder."""
        import torchvision

        return builder_of(torchvision.models.get_model_builder(self.model_name))


# Private parts of torchvision and torch
#
# torchvision has no public way to build the architecture that belongs to pretrained weights without reading these.
# All its builders read them through one method of the class above all classes of weights and hand them to
# torch.nn.Module.load_state_dict. While both are replaced, nothing is read. Where torchvision has no such method any
# more, pretrained models are built with their weights, which costs time (and a download, where torch's cache of
# checkpoints does not hold them) but gives the same model.


def can_leave_weights_out(name: str) -> bool:
    """Whether a pretrained model can be built without reading its weights; if not, says so in the log."""
    import torchvision

    there = _weights_class(name) is not None
    if not there:
        print(
            f"torchvision {torchvision.__version__} reads pretrained weights in another way than Bakeoff knows, so "
            f"that '{name}' is built with its pretrained weights, which may be downloaded; then the saved ones are "
            "loaded",
            file=sys.stderr,
        )
    return there


def _weights_class(name: str) -> Any | None:
    """The class that defines how the weights of a model are read, above the model's own class of weights."""
    import torchvision

    classes = torchvision.models.get_model_weights(name).__mro__
    return next((c for c in classes if callable(vars(c).get("get_state_dict"))), None)


@contextmanager
def weights_left_out(name: str) -> Iterator[None]:
    """Within it, torchvision builds the pretrained model of that name and reads no weights.

    To be used only where `can_leave_weights_out`.
    """
    import torch

    weights: Any = _weights_class(name)
    get, load = weights.get_state_dict, torch.nn.Module.load_state_dict
    weights.get_state_dict = lambda *_, **__: {}
    torch.nn.Module.load_state_dict = lambda *_, **__: None
    try:
        yield
    finally:
        weights.get_state_dict = get
        torch.nn.Module.load_state_dict = load
