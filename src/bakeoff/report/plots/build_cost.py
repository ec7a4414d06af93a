"""What an engine costs before the first inference: build time and size, for one model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakeoff.artifacts.collected import Collected, TargetResult
from bakeoff.core.cell import Cell
from bakeoff.core.formats import format_number
from bakeoff.report.plots.style import (
    MUTED,
    color_of,
    column_font,
    horizontal_rows,
    mark_gap,
    named,
    new_figure,
    plain,
    say_empty,
    series_of,
    title_font,
)
from bakeoff.report.targets import engine_of, folders, in_matrix_order, status_words, within_model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MIB = 2**20


def build_figure(collected: Collected, model: str) -> tuple[Figure, str]:
    """Build time in seconds and engine size in MiB, one row an engine; and the plot's caption."""
    caption = "Time to build the engine, imports not counted, and the size of its files. Shorter is better in both."
    engines: dict[Cell, TargetResult] = {}
    for target in in_matrix_order(collected, [t for t in collected.targets if t.row.model == model]):
        # An engine that serves all values of an axis has one row.
        engines.setdefault(engine_of(target), target)
    figure, (left, right) = new_figure(len(engines), columns=2)
    figure.text(0, 1, f"{plain(model, 24)} · build time and engine size", **title_font())
    left.set_title("build time (s)", **column_font())
    right.set_title("engine size (MiB)", **column_font())
    if not engines:
        say_empty(left, "no targets")
        right.set_axis_off()
        return figure, caption
    series = series_of(collected)
    labels = [named(cell, *(f"  {folder}" for folder in folders(within_model(cell.question)))) for cell in engines]
    for axes, field, unit in ((left, "build_s", 1), (right, "engine_bytes", MIB)):
        horizontal_rows(axes, labels)
        axes.tick_params(axis="y", labelleft=axes is left)
        positions, values, colors = [], [], []
        for position, target in enumerate(engines.values()):
            value = getattr(target.build, field) if target.build is not None else None
            if value is None:
                mark_gap(axes, position, "" if axes is right else plain(status_words(target), 24))
                continue
            positions.append(position)
            values.append(value / unit)
            colors.append(color_of(series[target.row.backend]))
            axes.annotate(
                format_number(value / unit), (value / unit, position), xytext=(3, 0), textcoords="offset points",
                va="center", fontsize=7.5, color=MUTED,
            )  # fmt: skip
        axes.barh(positions, values, height=0.6, color=colors)
        axes.set_xlim(0, max(values, default=1) * 1.25 or 1)
        axes.locator_params(axis="x", nbins=4)
    return figure, caption
