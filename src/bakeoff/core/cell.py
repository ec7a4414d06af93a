"""The key of a cell of the matrix: one value with named axes, declared here and nowhere else.

Everything that depends on which axes there are goes through `AXES`: how a cell is spelled as a path and as Snakemake's
wildcards, how its values are read from the config, how it is said in words, what the rows of a report are grouped by
and what they are filtered by. A new axis is a field of `Cell` and an entry of `AXES`; docs/adding.md has the steps.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal, cast, get_args

from pydantic import ConfigDict

from bakeoff.core.precision import PRECISIONS, Precision
from bakeoff.core.section import LABEL

Role = Literal["question", "contender", "repetition"]
"""`question`: what a user gives (the model, the batch size); an answer is given for each combination. `contender`: what
competes to be the answer (the backend, the precision). `repetition`: measured again and again for the same target."""

Engines = Literal["own", "fixed", "shared"]
"""What engines have to do with an axis. `own`: each of its values has engines of its own (the model, the backend).
`fixed`: an engine serves all values, or is built for one of them (the batch size). `shared`: engines are the same for
all values (the round)."""


@dataclass(frozen=True)
class Cell:
    """Which cell of the matrix something is about.

    Axes that do not apply are None, so that a model, an engine, a target and a round all have keys of this one type.
    """

    study: str = field(default="", compare=False)
    """Where the cell lies, not which one it is: two studies' cells of the same axes are equal."""
    model: str | None = None
    backend: str | None = None
    """The backend's label."""
    precision: Precision | None = None
    batch_size: int | None = None
    """Null for what all batch sizes share (an export, an engine with a dynamic batch dimension)."""
    round: int | None = None

    __pydantic_config__ = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def of(cls, thing: object) -> Cell:
        """The cell of anything that has axes as attributes, such as a row of a table; those that it lacks are None."""
        return cls().at(**{axis.name: getattr(thing, axis.name, None) for axis in AXES})

    @classmethod
    def from_wildcards(cls, study: str, wildcards: Mapping[str, str]) -> Cell:
        """The cell that Snakemake's wildcards name.

        Args:
            study: The study's name.
            wildcards: Texts by wildcard; that of `FIXED` is what an engine is built for alone (`/b8`), or empty.
        """
        found: dict[str, Any] = {}
        for axis in AXES:
            text = wildcards.get(axis.wildcard)
            if text is not None and axis.default is None:
                found[axis.name] = axis.parse(text)
                continue
            if text is None and axis.engines == "fixed":
                text = wildcards.get(FIXED)
            if text is not None:
                match = re.search(f"/{axis.folder.format(f'({axis.pattern})')}(?=/|$)", text)
                found[axis.name] = axis.parse(match.group(1)) if match else axis.default
        return cls(study=study, **found)

    def at(self, **axes: Any) -> Cell:
        """The same cell with other values of some axes."""
        return dataclasses.replace(self, **axes)

    @property
    def question(self) -> Cell:
        """What is asked: the axes that the user gives, without those that compete."""
        return self._only("question")

    @property
    def target(self) -> Cell:
        """The target that a round repeats."""
        return self._only("question", "contender")

    @property
    def profiled(self) -> Cell:
        """The target as it is profiled, which says nothing of axes that engines know nothing of."""
        return self._kept(axis for axis in AXES if axis.engines != "shared")

    def engine(self, fixed: bool) -> Cell:
        """The engine that serves the cell: one for all values of the axes that may be fixed, or built for this one."""
        return self._kept(axis for axis in AXES if axis.engines == "own" or (fixed and axis.engines == "fixed"))

    @property
    def label(self) -> str:
        """What competes, as answers and speed-up columns name it: `openvino/fp32`."""
        return "/".join(str(getattr(self, axis.name)) for axis in axes_of("contender"))

    @property
    def folder(self) -> str:
        """The cell as a folder below the study's results: `resnet18/openvino/fp32/b8/round2`."""
        return "/".join(axis.folder.format(value) for axis, value in self.items())

    @property
    def below_export(self) -> str:
        """The folders of an export below that of its format and precision: `/b8`, or empty."""
        return "".join(f"/{axis.folder.format(value)}" for axis, value in self.items() if axis.name not in EXPORT_NAMES)

    def items(self) -> Iterator[tuple[Axis, Any]]:
        """The axes that say something of the cell, with their values: those that apply and are not at their default."""
        for axis in AXES:
            value = getattr(self, axis.name)
            if value not in (None, axis.default):
                yield axis, value

    def need(self, axis: str) -> Any:
        """The value of an axis that must apply. Raises ValueError where it does not."""
        value = getattr(self, axis)
        if value is None:
            raise ValueError(f"a {axis} is needed, and {self.words()} has none")
        return value

    def named(self, *roles: Role) -> dict[str, Any]:
        """The values of the axes of these roles by name, as the fields of a row are."""
        return {axis.name: getattr(self, axis.name) for axis in axes_of(*roles)}

    def words(self) -> str:
        """The cell as a person would say it: `resnet18 · openvino fp32 · batch 8 · round 2`; of no axis the study."""
        parts = [
            separator.join(axis.words.format(value) for axis, value in axes)
            for separator, axes in (
                (" " if contends else " · ", list(group))
                for contends, group in groupby(self.items(), lambda item: item[0].role == "contender")
            )
        ]
        return " · ".join(parts) or self.study

    def _only(self, *roles: Role) -> Cell:
        return self._kept(axes_of(*roles))

    def _kept(self, axes: Iterable[Axis]) -> Cell:
        return Cell(study=self.study).at(**{axis.name: getattr(self, axis.name) for axis in axes})


@dataclass(frozen=True)
class Axis:
    """One axis of the matrix."""

    name: str
    """Field of `Cell`, of the artifacts' `target`, and column of results.csv."""
    role: Role
    heading: str
    """Above its column, and beside its filter, in a report."""
    wildcard: str
    """Name of Snakemake's wildcard."""
    pattern: str
    """Regular expression of a value in a path."""
    parse: Callable[[str], Any]
    """A value from its text in a path."""
    values: Callable[[Any, Cell], Iterable[Any]]
    """The values that a study (`bakeoff.config.study.Study`) asks for, given those of the axes before this one."""
    folder: str = "{}"
    """A value as the name of a folder."""
    words: str = "{}"
    """A value in a sentence."""
    engines: Engines = "own"
    default: Any = None
    """A value that neither paths nor words mention, so that adding the axis moves nothing; None: there is no such."""


def _models(study: Any, cell: Cell) -> Iterable[str]:
    return cast("Iterable[str]", study.models)


def _backends(study: Any, cell: Cell) -> Iterable[str]:
    return [label for label in study.backends if cell.model in study.models_of(label)]


AXES: tuple[Axis, ...] = (
    Axis(
        "model",
        role="question",
        heading="Model",
        wildcard="model",
        pattern=LABEL,
        parse=str,
        values=_models,
    ),
    Axis(
        "backend",
        role="contender",
        heading="Backend",
        wildcard="backend",
        pattern=LABEL,
        parse=str,
        values=_backends,
    ),
    Axis(
        "precision",
        role="contender",
        heading="Precision",
        wildcard="precision",
        pattern="|".join(PRECISIONS),
        parse=lambda text: text,
        values=lambda study, cell: study.precisions_of(cell.backend),
    ),
    Axis(
        "batch_size",
        role="question",
        heading="Batch",
        wildcard="batch",
        pattern=r"\d+",
        parse=int,
        values=lambda study, cell: study.batch.sizes,
        folder="b{}",
        words="batch {}",
        engines="fixed",
    ),
    Axis(
        "round",
        role="repetition",
        heading="Round",
        wildcard="round",
        pattern=r"\d+",
        parse=int,
        values=lambda study, cell: range(1, study.timing.first_rounds + 1),
        folder="round{}",
        engines="shared",
        words="round {}",
    ),
)

FIXED = "fixed"
"""Wildcard for the folders of an engine or export that is built for one value of an axis alone: `/b8`, or empty."""


EXPORT_NAMES = ("model", "backend", "precision")
"""Axes that the path of an export names in its own way, or not at all: `<model>/exports/<format>-<precision>`."""


def axes_of(*roles: Role) -> tuple[Axis, ...]:
    """The axes of these roles, in their order."""
    unknown = set(roles) - set(get_args(Role))
    if unknown:
        raise ValueError(f"no such role of an axis: {', '.join(sorted(unknown))}")
    return tuple(axis for axis in AXES if axis.role in roles)


def wildcard_constraints() -> dict[str, str]:
    """What each wildcard may be, as regular expressions."""

    def folder(axis: Axis) -> str:
        return f"(?:/{axis.folder.format(f'(?:{axis.pattern})')})?"

    constraints = {axis.wildcard: axis.pattern if axis.default is None else folder(axis) for axis in AXES}
    return constraints | {FIXED: "".join(folder(axis) for axis in AXES if axis.engines == "fixed")}


def round_pattern() -> str:
    """The folder of a round below the study's results, its values as wildcards."""
    return _pattern(AXES)


def profile_pattern() -> str:
    """The folder of what is profiled, likewise (see `Cell.profiled`)."""
    return _pattern(axis for axis in AXES if axis.engines != "shared")


def engine_pattern() -> str:
    """The folder of an engine, likewise."""
    return f"{_pattern(axis for axis in AXES if axis.engines == 'own')}{{{FIXED}}}"


def below_export_pattern() -> str:
    """What `Cell.below_export` is, its values as wildcards."""
    own = _pattern(axis for axis in AXES if axis.engines == "own" and axis.name not in EXPORT_NAMES)
    return f"{'/' if own else ''}{own}{{{FIXED}}}"


def _pattern(axes: Iterable[Axis]) -> str:
    parts = []
    for axis in axes:
        wildcard = f"{{{axis.wildcard}}}"
        # the wildcard of an axis with a default stands for the whole folder, or for none
        parts.append(f"/{axis.folder.format(wildcard)}" if axis.default is None else wildcard)
    return "".join(parts).removeprefix("/")


def cells(study: Any, roles: tuple[Role, ...] = ("question", "contender")) -> Iterator[Cell]:
    """Every cell of a study's matrix, in the order of its axes; with the role `repetition` every round."""

    def fill(cell: Cell, axes: tuple[Axis, ...]) -> Iterator[Cell]:
        if not axes:
            yield cell
            return
        for value in axes[0].values(study, cell):
            yield from fill(cell.at(**{axes[0].name: value}), axes[1:])

    return fill(Cell(study=study.study), axes_of(*roles))
