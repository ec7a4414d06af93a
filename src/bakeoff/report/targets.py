"""Orders and words for targets that every part of the report shares; the axes of the matrix give both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bakeoff.artifacts.base import Record
from bakeoff.artifacts.collected import Collected, TargetResult
from bakeoff.core.cell import AXES, Axis, Cell, Role, axes_of
from bakeoff.core.formats import MS, format_db, format_with_interval
from bakeoff.core.precision import PRECISIONS

STATUS_WORDS = {"ok": "ok", "failed": "failed", "blocked": "blocked", "unsupported": "cannot run here"}

TARGET_AXES = axes_of("question", "contender")
"""The axes of a row, in the order in which tables show them."""


def order_of_values(collected: Collected, axis: Axis) -> Callable[[Any], tuple[int, Any]]:
    """A sort key for values of an axis: as the study or Bakeoff lists them, else by value."""
    lists: Mapping[str, Any] = {
        "model": collected.models,
        "backend": collected.backends,
        "precision": PRECISIONS,
    }
    places = {value: place for place, value in enumerate(lists.get(axis.name, ()))}
    return lambda value: (places.get(value, len(places)), value)


def _key(collected: Collected, *roles: Role) -> Callable[[TargetResult], list[tuple[int, Any]]]:
    """A sort key for targets by the axes of some roles; the first role weighs most."""
    orders = [(axis.name, order_of_values(collected, axis)) for role in roles for axis in axes_of(role)]
    return lambda target: [order(getattr(target.row, name)) for name, order in orders]


def in_matrix_order(collected: Collected, targets: list[TargetResult]) -> list[TargetResult]:
    """By what competes as the study lists it, then by what is asked: stable from plot to plot."""
    return sorted(targets, key=_key(collected, "contender", "question"))


def in_rank_order(collected: Collected, targets: list[TargetResult]) -> list[TargetResult]:
    """By what is asked, as the study lists it; for each question the ranked by latency, then the others."""
    question = _key(collected, "question")
    return sorted(
        in_matrix_order(collected, targets),
        key=lambda t: (question(t), not t.ranked, t.row.latency_ms is None, t.row.latency_ms or 0.0),
    )


def in_question_order(collected: Collected, targets: list[TargetResult]) -> list[TargetResult]:
    """By what is asked, then by what competes."""
    return sorted(targets, key=_key(collected, "question", "contender"))


def questions_in_order(collected: Collected, targets: list[TargetResult]) -> list[Cell]:
    """What is asked, each question once."""
    return list(dict.fromkeys(Cell.of(target.row).question for target in in_question_order(collected, targets)))


def contender_of(cell: Cell) -> Cell:
    """What competes, without the question."""
    kept = axes_of("contender")
    return Cell(**{axis.name: getattr(cell, axis.name) for axis in kept})


def within_model(cell: Cell) -> Cell:
    """The same under a heading that names the model."""
    return cell.at(model=None)


def folders(cell: Cell) -> list[str]:
    """Each value of a cell as short as its folder's name: `b8`."""
    return [axis.folder.format(value) for axis, value in cell.items()]


def engine_of(target: TargetResult, record: Record | None = None) -> Cell:
    """The cell of a target's engine, which may serve all values of an axis.

    Args:
        target: One of the targets that share it.
        record: What is known of the engine: a record that says for which values alone it was built; the record of its
            build where it is left out.
    """
    record = record or target.build
    fixed = [axis.name for axis in AXES if axis.engines == "fixed"]
    shared = [name for name in fixed if record is None or getattr(record.target, name) is None]
    not_of_engines = [axis.name for axis in AXES if axis.engines == "shared"]
    return Cell.of(target.row).at(**dict.fromkeys([*shared, *not_of_engines]))


def label_of(target: TargetResult) -> str:
    """`label/precision`, as answers and speed-up columns name a target."""
    return Cell.of(target.row).label


def latency_words(target: TargetResult) -> str:
    """The latency of a timed target with the digits that its interval supports: `2.451 ms`."""
    row = target.row
    return format_with_interval(row.latency_ms or 0.0, row.latency_ci_low_ms, row.latency_ci_high_ms, MS)[0]


def status_words(target: TargetResult) -> str:
    """The status in words, with the reason where it is not ok."""
    words = STATUS_WORDS[target.row.status]
    return f"{words}: {target.row.reason}" if target.row.reason and target.row.status != "ok" else words


def accuracy_words(target: TargetResult) -> str | None:
    """How well the outputs agree with the reference, in a few words; None where that has no figure."""
    record, row = target.accuracy, target.row
    if record is None or not record.ok:
        return None if row.sqnr_db is None else format_db(row.sqnr_db)
    if record.identical:
        return "identical"
    return None if record.sqnr_db is None else format_db(record.sqnr_db)


def accuracy_mark(target: TargetResult) -> str | None:
    """`pass`, `fail` or `indicative` (random weights at a low precision); None where it was not checked."""
    if target.row.accuracy_passed is None:
        return None
    if not target.row.accuracy_passed:
        return "fail"
    return "indicative" if target.accuracy is not None and target.accuracy.indicative else "pass"
