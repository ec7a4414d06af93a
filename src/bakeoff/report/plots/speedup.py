"""Speed-up against the baseline with its interval, for one model: only targets that may be ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakeoff.artifacts.collected import Collected
from bakeoff.core.cell import Cell
from bakeoff.report.plots.style import (
    INK,
    MUTED,
    color_of,
    horizontal_rows,
    named,
    new_figure,
    plain,
    say_empty,
    series_of,
)
from bakeoff.report.targets import contender_of, in_matrix_order, questions_in_order, within_model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "osD^vP*X<>"

WIDEST = 4
"""Intervals are shown to at most this factor beyond the extreme values."""


def speedup_figure(collected: Collected, model: str) -> tuple[Figure, str]:
    """One row for each that competes, one mark for each question, on a logarithmic axis; and the plot's caption."""
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FuncFormatter, NullFormatter

    from bakeoff.report.plots.layout import legend_below

    caption = (
        f"How many times faster than {plain(collected.baseline)} at the same batch size; whiskers are the 95 % "
        "confidence interval over rounds, and one that crosses 1 shows no difference. Only targets that may be ranked. "
        "Logarithmic axis."
    )
    chosen = [
        target
        for target in collected.targets
        if target.row.model == model and target.ranked and collected.baseline in target.speedups
    ]
    rows = list(dict.fromkeys(contender_of(Cell.of(t.row)) for t in in_matrix_order(collected, chosen)))
    asked = questions_in_order(collected, chosen)
    figure, axes = new_figure(len(rows) * max(1, round(len(asked) * 0.6)))
    axes.set_title(f"{plain(model, 40)} · speed-up against {plain(collected.baseline, 30)} (×)", x=0)
    if not chosen:
        say_empty(axes, "nothing could be ranked against the baseline")
        return figure, caption
    series = series_of(collected)
    horizontal_rows(axes, [named(contender) for contender in rows])
    step = 0.7 / len(asked)
    # One call for all marks of a colour and shape: Matplotlib takes as long for one.
    marks: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for target in chosen:
        row, speedup = target.row, target.speedups[collected.baseline]
        slot = asked.index(Cell.of(row).question)
        place = rows.index(contender_of(Cell.of(row))) + (slot - (len(asked) - 1) / 2) * step
        below, above = max(speedup.value - speedup.low, 0), max(speedup.high - speedup.value, 0)
        mark = color_of(series[row.backend]), MARKERS[slot % len(MARKERS)]
        marks.setdefault(mark, []).append((speedup.value, place, below, above))
    for (color, marker), places in marks.items():
        x, y, belows, aboves = zip(*places, strict=True)
        axes.errorbar(
            x, y, xerr=[belows, aboves], fmt=marker, markersize=5,
            color=color, ecolor=color, elinewidth=1.6, capsize=2.5
        )  # fmt: skip
    axes.set_xscale("log")
    values = [target.speedups[collected.baseline] for target in chosen]
    # Intervals of orders of magnitude are cut at the plot's edge, so that the values stay apart.
    low = max(min(*(v.low for v in values), 1.0), min(*(v.value for v in values), 1.0) / WIDEST) / 1.15
    high = min(max(*(v.high for v in values), 1.0), max(*(v.value for v in values), 1.0) * WIDEST) * 1.15
    axes.set_xlim(low, high)
    if any(v.low < low or v.high > high for v in values):
        caption += " Intervals wider than the plot are cut at its edge."
    axes.set_xticks(_ticks(low, high))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(1, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    if len(asked) > 1:
        handles = [
            Line2D(
                [],
                [],
                linestyle="none",
                marker=MARKERS[i % len(MARKERS)],
                color=INK,
                markersize=4.5,
                label=within_model(question).words(),
            )
            for i, question in enumerate(asked)
        ]
        legend_below(figure, handles, most_columns=5)
    return figure, caption


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers for a logarithmic axis: the finest of three steps that does not crowd it."""
    found: list[float] = []
    for steps in ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 7), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1,)):
        found = [s * 10.0**e for e in range(-6, 7) for s in steps if low <= s * 10.0**e <= high]
        if len(found) <= 8:
            break
    return found
