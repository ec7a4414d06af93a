"""Latency and throughput of all that competes to answer one question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakeoff.artifacts.collected import Collected, TargetResult
from bakeoff.core.cell import Cell
from bakeoff.core.formats import format_with_interval
from bakeoff.report.plots.style import (
    INK,
    MUTED,
    color_of,
    hatch_of,
    horizontal_rows,
    mark_gap,
    named,
    new_figure,
    questioned,
    say_empty,
    series_of,
)
from bakeoff.report.targets import in_matrix_order, status_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


WIDEST = 1.6
"""Whiskers reach at most this far beyond the longest bar."""


@dataclass(frozen=True)
class Bar:
    """One target's value with the ends of its interval; None where it has none."""

    target: TargetResult
    value: float | None
    low: float | None
    high: float | None


def latency_figure(collected: Collected, question: Cell) -> tuple[Figure, str]:
    """Median latency over rounds with its 95 % confidence interval, in ms, and the plot's caption."""
    bars = []
    for target in _targets(collected, question):
        row = target.row
        bars.append(Bar(target, row.latency_ms, row.latency_ci_low_ms, row.latency_ci_high_ms))
    caption = (
        "Median time of one inference of the whole batch; whiskers are the 95 % confidence interval over rounds. "
        "Shorter is better."
    )
    return _bars(collected, bars, questioned(question), "latency (ms)"), caption + _marks(bars)


def throughput_figure(collected: Collected, question: Cell) -> tuple[Figure, str]:
    """Items per second with work enqueued back to back, and the plot's caption."""
    bars = []
    for target in _targets(collected, question):
        row = target.row
        bars.append(Bar(target, row.items_per_s, row.items_per_s_ci_low, row.items_per_s_ci_high))
    caption = (
        "Pipelined throughput: single inputs (images, not batches) per second with batches enqueued back to back; "
        "whiskers are the 95 % confidence interval over rounds. Longer is better."
    )
    return _bars(collected, bars, questioned(question), "throughput (items/s)"), caption + _marks(bars)


def _targets(collected: Collected, question: Cell) -> list[TargetResult]:
    chosen = [target for target in collected.targets if Cell.of(target.row).question == question]
    return in_matrix_order(collected, chosen)


def _marks(bars: list[Bar]) -> str:
    """What the caption says of rows that are not plain bars."""
    words = ""
    if any(bar.value is not None and not bar.target.ranked for bar in bars):
        words += " Pale bars are not ranked (accuracy failed, or the precision is not held)."
    if any(bar.value is None for bar in bars):
        words += " × marks targets without a value."
    longest = max((bar.value for bar in bars if bar.value is not None), default=0.0)
    if any((bar.high or 0) > WIDEST * longest for bar in bars if bar.value is not None):
        words += " An arrow marks an interval that reaches beyond the plot."
    return words


def _bars(collected: Collected, bars: list[Bar], title: str, quantity: str) -> Figure:
    figure, axes = new_figure(len(bars))
    axes.set_title(f"{title} · {quantity}", x=0)
    if not any(bar.value is not None for bar in bars):
        if not bars:
            say_empty(axes, "no targets")
            return figure
        axes.set_xlim(0, 1)
        axes.set_xticks([])
    series = series_of(collected)
    horizontal_rows(axes, [named(Cell.of(bar.target.row)) for bar in bars])
    # An interval much wider than its value must not squeeze all bars to nothing: its whisker is cut at the axis' end.
    longest = max((b.value for b in bars if b.value is not None), default=1.0)
    top = min(max((max(b.value, b.high or 0) for b in bars if b.value is not None), default=1.0), WIDEST * longest)
    shown = [(position, bar, bar.value) for position, bar in enumerate(bars) if bar.value is not None]
    for position, bar in enumerate(bars):
        if bar.value is None:
            mark_gap(axes, position, status_words(bar.target))
    if not shown:
        return figure
    numbers = [series[bar.target.row.backend] for _, bar, _ in shown]
    axes.barh(
        [position for position, _, _ in shown], [value for *_, value in shown], height=0.62, linewidth=0,
        color=[
            (color_of(n), 1.0 if bar.target.ranked else 0.38) for n, (_, bar, _) in zip(numbers, shown, strict=True)
        ],
        hatch=[hatch_of(n) for n in numbers], edgecolor=[INK if hatch_of(n) else "none" for n in numbers],
    )  # fmt: skip
    # One call for all whiskers: Matplotlib takes as long for one.
    whiskers = []
    for position, bar, value in shown:
        end = value
        if bar.low is not None and bar.high is not None:
            high = min(bar.high, top)
            whiskers.append((value, position, max(value - bar.low, 0), max(high - value, 0)))
            if bar.high > top * (1 + 1e-9):
                axes.plot([high], [position], marker=">", markersize=4, color=INK, linestyle="none")
            end = max(end, high)
        axes.text(
            end + top * 0.012,
            position,
            format_with_interval(value, bar.low, bar.high)[0],
            va="center",
            fontsize=7.5,
            color=MUTED,
        )
    if whiskers:
        x, y, below, above = zip(*whiskers, strict=True)
        axes.errorbar(
            x, y, xerr=[below, above], fmt="none", ecolor=INK, elinewidth=0.9, capsize=2.2, capthick=0.9
        )  # fmt: skip
    axes.set_xlim(0, top * 1.14)
    axes.locator_params(axis="x", nbins=6)
    return figure
