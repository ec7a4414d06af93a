"""What tables of targets share: the columns of the axes, and values as cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bakeoff.artifacts.collected import Interval, Row, TargetResult
from bakeoff.core.cell import Axis, Cell, axes_of
from bakeoff.core.formats import TIMES, format_with_interval
from bakeoff.report.blocks import NOTHING, Column, Datum, TableRow, Text
from bakeoff.report.targets import TARGET_AXES, accuracy_mark, accuracy_words

HEAD = axes_of("contender")[0]
"""The axis whose value names a row."""


def axes_in(cells: Sequence[Cell]) -> tuple[Axis, ...]:
    """The axes that the rows of a table have values of: a table of engines needs none that they are shared over."""
    return tuple(axis for axis in TARGET_AXES if any(getattr(cell, axis.name) is not None for cell in cells))


def axis_columns(axes: Sequence[Axis], head: str = HEAD.heading) -> list[Column]:
    """The leading columns of a table; `head` is the heading above the names of the rows."""
    columns = []
    for place, axis in enumerate(axes):
        if axis == HEAD:
            columns.append(Column(head, kind="head"))
        else:
            columns.append(Column(axis.heading, kind="group" if place == 0 else "axis", number=axis.parse is int))
    return columns


def axis_cells(axes: Sequence[Axis], cell: Cell, link: str = "", tag: Text | None = None) -> list[Datum]:
    """The cells of those columns.

    Args:
        axes: Those of the columns.
        cell: What the row is about.
        link: Where the name of the row leads.
        tag: Stands beside the name.
    """
    cells = []
    for axis in axes:
        value = getattr(cell, axis.name)
        if axis == HEAD:
            others = [a.folder.format(v) for a, v in cell.items() if a != HEAD]
            words: list[str | Text] = [Text(" · ".join(others), look="of-model", only="html")]
            words.append(Text(value, look="more" if link else "", link=link, series=value))
            if tag is not None:
                words += [Text(" ", only="html"), tag]
            cells.append(Datum(tuple(words), strong=True))
        elif value is None:
            cells.append(NOTHING)
        else:
            cells.append(Datum(str(value), order=value))
    return cells


def contender_words(cell: Cell) -> tuple[str | Text, ...]:
    """What competes, by name: the first axis bold and in the backend's colour, the others paler."""
    first, *others = axes_of("contender")
    words: list[str | Text] = [Text(getattr(cell, first.name), strong=True, series=getattr(cell, HEAD.name))]
    for axis in others:
        words += [" ", Text(axis.words.format(getattr(cell, axis.name)), look="precision")]
    return tuple(words)


def datum(value: Any, write: Callable[[Any], str]) -> Datum:
    """A value as a cell; a dash where there is none."""
    return NOTHING if value is None else Datum(write(value), order=value)


def estimate(value: float | None, low: float | None, high: float | None, unit: str = "",
             strong: bool = False, meter: tuple[str, float] | None = None) -> Datum:  # fmt: skip
    """A value beside its interval as a cell, with the digits that this supports; a dash where there is none."""
    if value is None:
        return NOTHING
    words, interval = format_with_interval(value, low, high, unit)
    return Datum(words, interval, value, strong, meter)


def latency(row: Row, unit: str = "", strong: bool = False, meter: tuple[str, float] | None = None) -> Datum:
    """The latency of a target as a cell."""
    return estimate(row.latency_ms, row.latency_ci_low_ms, row.latency_ci_high_ms, unit, strong, meter)


def speedup(ratio: Interval | None, strong: bool = False) -> Datum:
    """A speed-up as a cell; paler where its interval holds 1."""
    if ratio is None:
        return NOTHING
    if ratio.low == ratio.high == 1:  # the baseline against itself, of which there is nothing to estimate
        return Datum(Text(f"1{TIMES}", look="soft", hint="The baseline itself"), order=1.0, strong=strong)
    cell = estimate(ratio.value, ratio.low, ratio.high, TIMES, strong)
    if ratio.differs_from_one:
        return cell
    return replace(cell, words=Text(str(cell.words), look="soft", hint="The interval holds 1: no difference shown"))


def accuracy_datum(target: TargetResult) -> Datum:
    """How well a target's outputs agree with the reference, and whether that is enough."""
    words, mark = accuracy_words(target), accuracy_mark(target)
    if words is None and mark is None:
        return NOTHING
    parts: list[str | Text] = [words] if words else []
    if mark is not None:
        parts += ["\u00a0"] if words else []
        parts.append({
            "pass": Text("✓", look="good", hint="passed", spoken=" passed"),
            "fail": Text("✗ failed", look="bad"),
            "indicative": Text("indicative", look="soft", hint="random weights: only NaN, infinity and gross mismatch "
                               "fail"),
        }[mark])  # fmt: skip
    identical = target.accuracy is not None and target.accuracy.identical
    top1 = target.row.top1_accuracy
    right = "" if top1 is None else f"top-1 {100 * top1:.1f} %"
    return Datum(tuple(parts), right, order=9999 if identical else target.row.sqnr_db)


def figures_table(
    rows: Sequence[Row], columns: Sequence[tuple[Column, str, Callable[[Any], str]]]
) -> tuple[list[Column], list[TableRow]]:
    """Columns and rows of a table with figures of targets.

    Args:
        rows: One for each target.
        columns: Column, the field of the row that it shows, and how that is written. A column of which nothing is
            known is left out.
    """
    known = [entry for entry in columns if any(getattr(row, entry[1]) is not None for row in rows)]
    table = []
    for row in rows:
        figures = [datum(getattr(row, field), write) for _, field, write in known]
        table.append(TableRow([*axis_cells(TARGET_AXES, Cell.of(row)), *figures]))
    return [*axis_columns(TARGET_AXES), *(column for column, _, _ in known)], table
