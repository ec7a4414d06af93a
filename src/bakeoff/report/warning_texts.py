"""Warnings of the study with their explanations, whose texts are in `bakeoff.collect.warnings.codes`."""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.artifacts.collected import Collected, TargetResult
from bakeoff.collect.warnings.codes import WARNINGS


@dataclass
class Warned:
    """One warning code, what it means, and the targets that carry it."""

    code: str
    headline: str
    """The code itself where nobody explains it."""
    remedy: str
    targets: list[TargetResult]


def warnings_of(collected: Collected) -> list[Warned]:
    """The warnings of a study by code, the most frequent first."""
    carriers: dict[str, list[TargetResult]] = {}
    for target in collected.targets:
        for code in dict.fromkeys(target.row.warnings):
            carriers.setdefault(code, []).append(target)
    return [
        Warned(code, *explain(code), targets)
        for code, targets in sorted(carriers.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def explain(code: str) -> tuple[str, str]:
    """Headline and remedy of a code. A result may carry a code of another version: it explains itself by its name."""
    known = WARNINGS.get(code)
    return (known.headline, known.what_to_do) if known is not None else (code, "")
