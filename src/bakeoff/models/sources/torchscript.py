"""A TorchScript file that somebody gave."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from bakeoff.artifacts.io import digest, whole
from bakeoff.core.errors import ModelError
from bakeoff.core.operator_libraries import with_operators
from bakeoff.core.quoting import cause
from bakeoff.models.single_file_import import Builder
from bakeoff.models.sources.base import ModelSource, UserFile
from bakeoff.models.spec import Inputs, ModelBase

if TYPE_CHECKING:
    import torch


class TorchscriptModel(ModelBase):
    """A TorchScript file that somebody gave you (.ts, .pt), used with the weights it holds."""

    source: Literal["torchscript"]
    path: Annotated[str, Field(min_length=1)]
    """The file made by torch.jit.save."""
    inputs: Inputs
    """Input tensors by name, in the order of the module's forward()."""


class TorchscriptSource(ModelSource):
    """Loads the file. The reference keeps a copy of it, since code and weights are one there."""

    name = "torchscript"
    rank = 40
    Config = TorchscriptModel
    has_python_code = False
    noun = "a TorchScript file"
    cannot_export = {"exported_program": "torch.export captures Python code, and a TorchScript file holds none"}
    stored_as = "module.ts"
    config: TorchscriptModel

    def files(self) -> list[UserFile]:
        """See ModelSource.files."""
        return [UserFile("path", self.config.path)]

    def describe(self) -> str:
        """See ModelSource.describe."""
        return self.config.path

    def describe_weights(self) -> str:
        """See ModelSource.describe_weights."""
        return f"as in {self.config.path} (sha256 {digest(self.config.path).sha256[:12]})"

    @property
    def has_real_weights(self) -> bool:
        """See ModelSource.has_real_weights: whoever gave the file gave it with its weights."""
        return True

    def build(self, fetch: bool) -> torch.nn.Module:
        """See ModelSource.build."""
        return self._read(self.config.path)

    def prepare(self, module: torch.nn.Module) -> torch.nn.Module:
        """See ModelSource.prepare: the file is used in the types that it was made with."""
        return module.eval()

    def save(self, module: torch.nn.Module, folder: Path) -> None:
        """See ModelSource.save: a copy of the file."""
        with whole(folder / self.stored_as) as file:
            shutil.copyfile(self.config.path, file)

    def load(self, stored: Path, builder: Builder | None = None) -> torch.nn.Module:
        """See ModelSource.load."""
        return self.prepare(self._read(stored))

    def _read(self, path: str | Path) -> torch.nn.Module:
        import torch

        try:
            module: torch.nn.Module = with_operators(lambda: torch.jit.load(str(path), map_location="cpu"))
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(
                f"{self.key}.path: torch.jit.load refuses {path}: {cause(error)}; "
                "give a file that torch.jit.save made (a state dict is loaded by source: file with weights)"
            ) from error
        return module
