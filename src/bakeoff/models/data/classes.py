"""Names of classes, and which class a label means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bakeoff.core.errors import DataError

_SHOWN = 3


@dataclass(frozen=True)
class Classes:
    """The classes of a model, in the order of its scores."""

    names: tuple[str, ...]
    """What a reader is shown."""
    codes: tuple[str, ...] = ()
    """Other names that folders go by, in the same order: WordNet's `n02123045`."""
    origin: str = ""
    """Where they are known from."""


def read_classes(path: str, key: str) -> Classes:
    """Names from a text file, one a line. Raises DataError where it cannot be read or is empty."""
    try:
        names = tuple(line.strip() for line in Path(path).read_text(encoding="utf-8-sig").splitlines() if line.strip())
    except (OSError, ValueError) as error:
        raise DataError(f"{key}.classes: '{path}' cannot be read as a text file ({error})") from None
    if not names:
        raise DataError(f"{key}.classes: '{path}' holds no name; write one class a line")
    return Classes(names, origin=path)


def class_numbers(
    labels: Sequence[str | None], classes: Classes | None, n_classes: int, key: str
) -> tuple[list[int | None], str]:
    """The class number of each label, and in words how it was found.

    A label is a number, or a name or code of `classes`; case, underscores and all after the first comma do not count.
    Where nothing names the classes, and there are as many different labels as classes, they are in alphabetical order,
    as torchvision's ImageFolder has them.

    Args:
        labels: As they are written; None where an input has none.
        classes: Names of the model's classes, where they are known.
        n_classes: How many the model has.
        key: The config key to name in errors.

    Raises DataError, naming the first ones, where labels match no class.
    """
    given = sorted({label for label in labels if label is not None})
    if not given:
        return [None] * len(labels), "no labels"
    by_name, how = _meanings(given, classes, n_classes)
    unknown = [label for label in given if label not in by_name]
    if unknown:
        shown = ", ".join(unknown[:_SHOWN]) + (f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else "")
        known = f"known names, like {', '.join(classes.names[:_SHOWN])} (from {classes.origin})" if classes else ""
        raise DataError(
            f"{key}: {len(unknown)} of {len(given)} labels match none of the model's {n_classes} classes: {shown}; "
            f"use class numbers from 0 to {n_classes - 1}"
            + (f", or {known}" if known else f", or name the classes in {key}.classes")
        )
    return [None if label is None else by_name[label] for label in labels], how


def _meanings(given: Sequence[str], classes: Classes | None, n_classes: int) -> tuple[Mapping[str, int], str]:
    if classes:
        known: dict[str, int] = {}
        for number, name in enumerate(classes.names[:n_classes]):
            for spelled in {_plain(name), _plain(name.split(",")[0])}:
                known.setdefault(spelled, number)
        known |= {_plain(code): number for number, code in enumerate(classes.codes[:n_classes])}
        found = {label: known[_plain(label)] for label in given if _plain(label) in known}
        if len(found) == len(given):
            return found, f"by name ({classes.origin})"
    numbers = {label: int(label) for label in given if re.fullmatch(r"\d{1,9}", label) and int(label) < n_classes}
    if len(numbers) == len(given):
        return numbers, "by number"
    if classes is None and len(given) == n_classes:
        return {label: number for number, label in enumerate(given)}, "in alphabetical order"
    return numbers if not classes else {**numbers, **found}, ""


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().lower()
