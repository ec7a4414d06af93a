"""Models of timm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from bakeoff.core.errors import ModelError
from bakeoff.core.quoting import cause
from bakeoff.models.data.classes import Classes
from bakeoff.models.data.images import OwnPreprocessing
from bakeoff.models.data.settings import Interpolation
from bakeoff.models.single_file_import import Builder, builder_of
from bakeoff.models.sources.weighted import LibraryModel, LibrarySource

if TYPE_CHECKING:
    import torch


_INTERPOLATIONS: dict[str, Interpolation] = {
    "nearest": "nearest", "bilinear": "bilinear", "bicubic": "bicubic", "lanczos": "lanczos",
}  # fmt: skip
"""timm's `random` is for training; it evaluates such models with bicubic."""


_HOSTED = ("hf-hub:", "hf_hub:", "local-dir:")
"""How names begin of models from a hub or a folder."""


class TimmModel(LibraryModel):
    """A model of timm, by the name that `timm.create_model` knows."""

    source: Literal["timm"]


class TimmSource(LibrarySource):
    """Asks `timm.create_model` for the model."""

    name = "timm"
    rank = 20
    Config = TimmModel
    distributions = ("timm",)
    placeholders = ("torchvision", "torchvision.models", "torchvision.ops", "timm", "timm.models")
    random_weights = {"pretrained": False}
    config: TimmModel

    @property
    def architecture(self) -> str:
        """The model's name without the tag of its pretrained weights: `resnet50` of `resnet50.a1_in1k`."""
        return self.model_name.partition(".")[0]

    @property
    def registered_name(self) -> str | None:
        """See LibrarySource.registered_name: models from a hub or a folder have none."""
        return None if self.model_name.startswith(_HOSTED) else self.architecture

    def build(self, fetch: bool) -> torch.nn.Module:
        """See ModelSource.build.

        Raises ModelError for an unknown name, arguments that it refuses, and weights that cannot be fetched.
        """
        import timm

        name, where, args = self.model_name, self.key, self.config.args
        hosted = self.registered_name is None
        if not hosted and not timm.is_model(self.architecture):
            raise ModelError(self.unknown_name(timm.list_models()))
        for key in ("pretrained", "checkpoint_path"):
            if key in args:
                raise ModelError(f"{where}.args.{key}: weights are chosen by {where}.weights; remove this argument")
        pretrained = self.config.weights == "pretrained" and fetch
        if pretrained and not hosted and not timm.models.is_model_pretrained(name):
            raise ModelError(f"{where}.weights: timm has no pretrained weights for '{name}'; say random, or a path")
        try:
            return timm.create_model(name, pretrained=pretrained, **args)
        except Exception as error:
            if pretrained:
                raise ModelError(
                    f"{where}.weights: timm could not fetch pretrained weights of '{name}' ({cause(error)}); "
                    "check the network, give the path of a checkpoint, or say weights: random"
                ) from error
            given = f" with args {args}" if args else ""
            raise ModelError(f"{where}: timm could not make '{name}'{given}: {cause(error)}") from error

    def preprocessing(self) -> OwnPreprocessing | None:
        """See ModelSource.preprocessing: timm's data config of the model's own weights."""
        config = self._pretrained_config()
        if config is None:
            return None
        side = min(config.input_size[1:])
        return OwnPreprocessing(
            resize=math.floor(side / config.crop_pct),
            crop=side,
            interpolation=_INTERPOLATIONS.get(config.interpolation, "bicubic"),
            mean=tuple(config.mean),
            std=tuple(config.std),
            origin="timm's data config",
        )

    def classes(self) -> Classes | None:
        """See ModelSource.classes: ImageNet's, for models of a thousand classes."""
        from timm.data import ImageNetInfo

        config = self._pretrained_config()
        if config is None or config.num_classes != 1000 or self.config.args.get("num_classes", 1000) != 1000:
            return None
        info = ImageNetInfo()
        return Classes(
            tuple(info.index_to_description(number).split(",")[0] for number in range(1000)),
            tuple(info.index_to_label_name(number) for number in range(1000)),
            "timm's names of ImageNet",
        )

    def _pretrained_config(self) -> Any:
        """What timm knows of the model's own weights; None for models from a hub or a folder, and those without."""
        import timm

        return timm.models.get_pretrained_cfg(self.model_name) if timm.is_model(self.architecture) else None

    def builder(self) -> Builder | None:
        """See ModelSource.builder. timm does not tell that of models from a hub or a folder."""
        import timm

        return builder_of(timm.models.model_entrypoint(self.architecture)) if timm.is_model(self.architecture) else None
