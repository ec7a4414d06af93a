"""What sources share whose models take `weights:` and `args:` in the config."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from bakeoff.artifacts.io import digest
from bakeoff.core.quoting import short
from bakeoff.core.suggest import nearest
from bakeoff.models.registered_names import Unclear, registered_names
from bakeoff.models.single_file_import import Builder, call_builder
from bakeoff.models.sources.base import ModelSource, UserFile
from bakeoff.models.spec import Inputs, WeightedModel, one_image
from bakeoff.models.weights import load_weights, read_checkpoint

if TYPE_CHECKING:
    import torch

_WORDS = ("random", "pretrained", "factory")
"""Values of `weights` that are no path."""


class WeightedSource(ModelSource):
    """A source that makes architectures, whose weights may be random, its own, or a checkpoint's."""

    config: WeightedModel
    _loading: Sequence[str] = ()
    """What `make_model` did to make the checkpoint fit, in words."""

    @property
    def checkpoint(self) -> str | None:
        """Path of the checkpoint that the weights come from; None where they come from elsewhere."""
        return None if self.config.weights in _WORDS else self.config.weights

    @property
    def has_real_weights(self) -> bool:
        """See ModelSource.has_real_weights."""
        return self.config.weights != "random"

    def own_weights(self) -> str:
        """Where weights that are neither random nor a checkpoint's come from, in words."""
        raise NotImplementedError

    def describe_weights(self) -> str:
        """See ModelSource.describe_weights.

        After `make_model` it also says what of a checkpoint was loaded and what was done to make it fit.
        """
        if self.checkpoint:
            file = f"{Path(self.checkpoint)} (sha256 {digest(self.checkpoint).sha256[:12]})"
            return "; ".join([file, *self._loading])
        return self.own_weights() if self.has_real_weights else f"random, seed {self.config.seed}"

    def files(self) -> list[UserFile]:
        """See ModelSource.files."""
        if self.checkpoint is None:
            return []
        return [UserFile("weights", self.checkpoint, " (or one of: random, pretrained)")]

    def make_model(self) -> torch.nn.Module:
        """See ModelSource.make_model."""
        module = super().make_model()
        if self.checkpoint:
            where = f"{self.key}.weights"
            self._loading = load_weights(module, read_checkpoint(self.checkpoint, where), where, self.checkpoint)
        return module


class LibraryModel(WeightedModel):
    """A model of a library, by its name there."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Name within the library that `source` names; the model's label when left out."""
    inputs: Inputs = Field(default_factory=one_image)
    """Input tensors by name, in the order of the model's forward()."""


class LibrarySource(WeightedSource):
    """A library that knows its models by name: the name of the source is that of the library."""

    config: LibraryModel
    placeholders: ClassVar[tuple[str, ...]]
    """The library's packages that need not run to make one model; see `bakeoff.models.single_file_import`."""
    random_weights: ClassVar[dict[str, Any]]
    """The argument that tells a builder of the library to load no weights."""

    @property
    def model_name(self) -> str:
        """The model's name within the library."""
        return self.config.name or self.label

    @property
    def registered_name(self) -> str | None:
        """The name that has to be one of those which the library registers; None for a model from elsewhere."""
        return self.model_name

    def mistakes(self) -> Iterator[str]:
        """See ModelSource.mistakes. The library's files are read, and nothing of it is imported."""
        yield from super().mistakes()
        names = registered_names(self.name)
        try:
            if self.registered_name is not None and self.registered_name not in names:
                yield self.unknown_name(names.all().current)
        except Unclear:
            return  # then it is left to the job that makes the model

    def unknown_name(self, known: Iterable[str]) -> str:
        """The message about a name that is none of those that the library knows."""
        name = short(self.registered_name)
        if self.config.name is None:
            where, how = self.key, f" (the label, since {self.key}.name is left out)"
        else:
            where, how = f"{self.key}.name", ""
        return f"{where}: {self.name} knows no model {name}{how}{nearest(self.registered_name, sorted(known))}"

    def describe(self) -> str:
        """See ModelSource.describe."""
        return f"{self.name} {self.model_name}"

    def own_weights(self) -> str:
        """See WeightedSource.own_weights."""
        return f"pretrained, from {self.name}"

    def build_by(self, builder: Builder) -> torch.nn.Module | None:
        """See ModelSource.build_by. What a library builds for pretrained weights may differ, so it is left to it."""
        if self.config.weights == "pretrained":
            return None
        made: torch.nn.Module | None = call_builder(
            builder, self.placeholders, {**self.random_weights, **self.config.args}
        )
        return made
