"""The protocol between Bakeoff and a source of models.

A source answers questions about a model without importing its library (planning imports nothing heavy), and with its
library it makes the model, saves it into a reference and loads it from there. All that differs from source to source
is asked here; nothing else in Bakeoff knows the sources by name.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bakeoff.artifacts.io import whole
from bakeoff.core.errors import ModelError
from bakeoff.core.files import is_file
from bakeoff.core.quoting import cause, short
from bakeoff.models.lazy import initialise_lazy
from bakeoff.models.seeding import seeded
from bakeoff.models.single_file_import import Builder, forget_placeholders
from bakeoff.models.spec import ModelBase
from bakeoff.models.without_initialization import without_initialization

if TYPE_CHECKING:
    import torch

    from bakeoff.models.data.classes import Classes
    from bakeoff.models.data.images import OwnPreprocessing


@dataclass(frozen=True)
class UserFile:
    """A file of the user's that a model is made from."""

    key: str
    """The key of the model's config section that names it."""
    path: str
    otherwise: str = ""
    """What the key may say instead of a path, for the message about a missing file: ` (or one of: random)`."""


class ModelSource(ABC):
    """One model, made from its config section.

    A source is a subclass with a `name`. Methods above `build` are asked while a study is planned; `build` and those
    below it run in jobs.
    """

    name: ClassVar[str]
    """The value of `source:` in the config."""
    rank: ClassVar[int] = 100
    """Order in the documentation and in messages."""
    Config: ClassVar[type[ModelBase]]
    """Schema of the config section. Its docstring says what the source is; docs/config.md shows it."""
    distributions: ClassVar[tuple[str, ...]] = ()
    """Names of the Python distributions, besides torch, whose versions its models depend on."""
    has_python_code: ClassVar[bool] = True
    """Whether the module is Python code, which eager execution, torch.export and torch.jit.script need.

    Where it is not, the module is a torch.jit.ScriptModule.
    """
    noun: ClassVar[str] = "a model"
    """What a model of this source is called in a message: `a TorchScript file` (holds no Python code)."""
    cannot_export: ClassVar[Mapping[str, str]] = {}
    """Export formats (names of `bakeoff.exports.FORMATS`) that cannot be made from it, each with the reason."""
    stored_as: ClassVar[str] = "state.pt"
    """Name of the file in a reference's folder that `save` writes and `load` reads."""

    def __init__(self, label: str, config: Any) -> None:
        self.label = label
        """The model's label in the config."""
        self.config = config
        self.notes: list[str] = []
        """What is worth knowing about the model's code, found when it was made; for its record."""

    @property
    def key(self) -> str:
        """Path of the config section, for messages: `models.<label>`."""
        return f"models.{self.label}"

    def files(self) -> list[UserFile]:
        """The user's files that the model is made from. Jobs are rerun when one of them changes."""
        return []

    def mistakes(self) -> Iterator[str]:
        """What is wrong with the section and can be told without running anything.

        Each is one line that begins with the key's path: `models.<label>.<key>: what is wrong; what to do`.
        """
        for file in self.files():
            if not is_file(file.path):
                yield (
                    f"{self.key}.{file.key}: there is no file {short(file.path)}; "
                    f"paths are relative to {Path.cwd()}{file.otherwise}"
                )

    @abstractmethod
    def describe(self) -> str:
        """What the model is, in one line, for the report."""

    @abstractmethod
    def describe_weights(self) -> str:
        """Where the weights come from, in words, with the digest of a file they are read from."""

    @property
    @abstractmethod
    def has_real_weights(self) -> bool:
        """Whether the weights mean something.

        Random ones are conditioned (see `bakeoff.models.conditioning`); where that fails, they are judged by other
        tolerances.
        """

    @abstractmethod
    def build(self, fetch: bool) -> torch.nn.Module:
        """Make the module, with the weights that the source itself makes. The generators are seeded already.

        Pretrained weights are fetched only with `fetch`. Without it the architecture must be the same, its weights
        may be anything: those of a reference are loaded into it. Raises ModelError.
        """

    def prepare(self, module: torch.nn.Module) -> torch.nn.Module:
        """The built module in eval mode and fp32 on the CPU."""
        import torch

        prepared: torch.nn.Module = module.to(device="cpu", dtype=torch.float32).eval()
        # Timing and exports are of inference; gradients would only cost memory.
        return prepared.requires_grad_(False)

    def make_architecture(self, fetch: bool = False) -> torch.nn.Module:
        """The module, prepared, its weights as `build` makes them under the model's seed. Raises ModelError."""
        forget_placeholders()
        with seeded(self.config.seed):
            module = self.build(fetch)
            initialise_lazy(module, self.label, self.config)
        return self.prepare(module)

    def make_model(self) -> torch.nn.Module:
        """The module with the weights that its config names; random ones as `build` draws them. Raises ModelError."""
        return self.make_architecture(fetch=True)

    def builder(self) -> Builder | None:
        """The function of a library that makes the architecture; None where there is none or it is not known.

        The reference job writes it into model.json. Jobs that load the model later hand it to `build_by`.
        """
        return None

    def build_by(self, builder: Builder) -> torch.nn.Module | None:
        """Make the module by its builder alone, without importing the rest of the library that the builder is from.

        Returns None where only `build` will do. See `bakeoff.models.single_file_import`.
        """
        return None

    def preprocessing(self) -> OwnPreprocessing | None:
        """What the library does with images before it gives them to this model; None where it does not say.

        Asked in jobs, where real images are used. It makes no model. Raises ModelError.
        """
        return None

    def classes(self) -> Classes | None:
        """The classes of this model's scores, where the library knows their names. Asked as `preprocessing` is."""
        return None

    def save(self, module: torch.nn.Module, folder: Path) -> None:
        """Write what `load` needs of the model into `folder / stored_as`: its state dict."""
        import torch

        with whole(folder / self.stored_as) as file:
            torch.save(module.to("cpu").state_dict(), file)

    def load(self, stored: Path, builder: Builder | None = None) -> torch.nn.Module:
        """The saved model, in eval mode and fp32 on the CPU. Nothing is fetched. Raises ModelError.

        Args:
            stored: the file that `save` wrote, or a copy of it.
            builder: what `builder` said when the model was saved.
        """
        import torch

        try:
            with without_initialization():
                module = self._unloaded(builder)
        except Exception as error:
            # A constructor may look at the weights that it has just drawn, and refuse what it finds in their place.
            print(f"{self.key} cannot be made without initializing its weights ({cause(error)})", file=sys.stderr)
            module = self._unloaded(builder)
        try:
            module.load_state_dict(torch.load(stored, map_location="cpu", weights_only=True))
        except Exception as error:
            raise ModelError(
                f"{self.key}: the model as it is made now does not take the weights saved in {stored} "
                f"({cause(error)}); where its code has changed since, delete {stored.parent} and run the study again"
            ) from error
        return module

    def _unloaded(self, builder: Builder | None) -> torch.nn.Module:
        built = self.build_by(builder) if builder else None
        return self.make_architecture() if built is None else self.prepare(built)
