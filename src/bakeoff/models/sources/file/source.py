"""A user's own model: a function in a Python file that returns a torch.nn.Module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.core.files import is_file
from bakeoff.models.sources.base import UserFile
from bakeoff.models.sources.file.factory import call_factory
from bakeoff.models.sources.file.section import FileModel
from bakeoff.models.sources.file.static_check import mistakes_of_file
from bakeoff.models.sources.weighted import WeightedSource

if TYPE_CHECKING:
    import torch


class FileSource(WeightedSource):
    """Calls the factory, in the user's file, that the config names."""

    name = "file"
    rank = 30
    Config = FileModel
    config: FileModel

    def files(self) -> list[UserFile]:
        """See ModelSource.files."""
        return [UserFile("factory", self.config.path), *super().files()]

    def mistakes(self) -> Iterator[str]:
        """See ModelSource.mistakes. The file is read, and not run."""
        yield from super().mistakes()
        if is_file(self.config.path):
            yield from mistakes_of_file(self.label, self.config)

    def describe(self) -> str:
        """See ModelSource.describe."""
        return self.config.factory

    def own_weights(self) -> str:
        """See WeightedSource.own_weights."""
        return "as the factory returns them"

    def build(self, fetch: bool) -> torch.nn.Module:
        """See ModelSource.build."""
        key = f"{self.key}.factory"
        return call_factory(Path(self.config.path), self.config.function, self.config.args, key, self.notes)
