"""The roofline: operations per second that targets reach over the operations they do per byte, under the device's roof.

S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for multicore architectures",
Communications of the ACM 52(4), 2009.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakeoff.artifacts.collected import Collected
from bakeoff.artifacts.environment import DeviceLimits
from bakeoff.core.formats import format_si
from bakeoff.core.precision import PRECISIONS
from bakeoff.report.limits import Point
from bakeoff.report.plots.speedup import MARKERS
from bakeoff.report.plots.style import INK, MUTED, WIDTH_IN, color_of, plain, series_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MODEL_MARKERS = MARKERS.replace("s", "")
"""Squares are the legend's mark of a backend's colour."""
PANEL_IN = 2.1
FEW_DECADES = 200
"""An axis that spans less has ticks between the powers of ten too."""
LEGEND_ROW_IN = 0.2
LEGEND_COLUMNS = 3


def roofline_figure(collected: Collected, points: list[Point], left_out: int) -> tuple[Figure, str]:
    """One panel a precision under its own roof, all on the same logarithmic axes; and the plot's caption.

    Args:
        collected: Results whose environment has limits.
        points: At least one.
        left_out: Targets that are not among the points for lack of room.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    limits = collected.environment.limits
    assert limits is not None
    caption = (
        "Operations per second that each target reaches, over the operations it does for each byte it must move. The "
        "line is what the device was measured to do: memory is the limit where it slopes, arithmetic where it is flat. "
        "Colours are backends, marks are models; larger batches lie further to the right. Logarithmic axes."
    )
    if any(not point.target.ranked for point in points):
        caption += " Pale marks are not ranked."
    if left_out:
        caption += f" Of each model and precision the target nearest its limit; {left_out} are left out."
    precisions = [p for p in PRECISIONS if any(point.target.row.precision == p for point in points)]
    models = list(dict.fromkeys(point.target.row.model for point in points))
    shown = {point.target.row.backend for point in points}
    series = {label: number for label, number in series_of(collected).items() if label in shown}
    marks = {model: MODEL_MARKERS[i % len(MODEL_MARKERS)] for i, model in enumerate(models)}
    keys = [(plain(m, 24), mark, INK) for m, mark in marks.items()]
    keys += [(plain(label, 24), "s", color_of(number)) for label, number in series.items()]
    legend_rows = -(-len(keys) // LEGEND_COLUMNS)
    height_in = 0.7 + PANEL_IN * len(precisions) + LEGEND_ROW_IN * legend_rows
    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    panels = figure.subplots(len(precisions), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, precision in zip(panels, precisions, strict=True):
        of_panel = [point for point in points if point.target.row.precision == precision]
        rate, bandwidth = _roof(limits, precision)
        axes.set_title(f"{precision} · {format_si(rate, 'FLOP/s')}, {format_si(bandwidth, 'B/s')}", x=0)
        axes.set(xscale="log", yscale="log", ylabel="reached (FLOP/s)")
        for point in of_panel:
            row = point.target.row
            axes.plot(
                [point.intensity], [point.flops_per_s], marker=marks[row.model], color=color_of(series[row.backend]),
                markersize=5, linestyle="none", alpha=1.0 if point.target.ranked else 0.38,
            )  # fmt: skip
    low_x, high_x = _limits_x(limits, points)
    panels[0].set_xlim(low_x, high_x)
    roofs = [_roof(limits, precision)[0] for precision in precisions]
    panels[0].set_ylim(min(p.flops_per_s for p in points) / 2, max(*roofs, *(p.flops_per_s for p in points)) * 2)
    for axes, precision in zip(panels, precisions, strict=True):
        rate, bandwidth = _roof(limits, precision)
        ridge = rate / bandwidth
        axes.plot([low_x, ridge, high_x], [bandwidth * low_x, rate, rate], color=MUTED, linewidth=1.2, zorder=1)
        _plain_axes(axes)
        axes.yaxis.set_label_coords(-0.115, 0.5)
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            axis.set_major_locator(LogLocator(subs=(1.0,) if high / low > FEW_DECADES else (1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_si(value, "", digits=1)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())
    panels[-1].set_xlabel("operations per byte moved (FLOP/B)")
    panels[-1].xaxis.set_label_coords(0.5, -0.12)
    handles = [
        Line2D([], [], linestyle="none", marker=mark, color=color, markersize=5, label=label)
        for label, mark, color in keys
    ]
    figure.legend(
        handles=handles, loc="outside lower left", ncols=LEGEND_COLUMNS, frameon=False, fontsize=8, handletextpad=0.1,
        columnspacing=1,
    )  # fmt: skip
    return figure, caption


def _roof(limits: DeviceLimits, precision: str) -> tuple[float, float]:
    """Operations and bytes per second; a target that has a limit has both."""
    rate, bandwidth = limits.matrix_flops_per_s[precision], limits.copy_bytes_per_s  # type: ignore[index]
    assert rate is not None
    assert bandwidth is not None
    return rate, bandwidth


def _limits_x(limits: DeviceLimits, points: list[Point]) -> tuple[float, float]:
    """From half the lowest intensity to twice the highest, every ridge included."""
    found = [point.intensity for point in points]
    for point in points:
        rate, bandwidth = _roof(limits, point.target.row.precision)
        found.append(rate / bandwidth)
    return min(found) / 2, max(found) * 2


def _plain_axes(axes: Axes) -> None:
    axes.tick_params(axis="both", which="both", length=0)
    axes.grid(axis="both")
    axes.set_axisbelow(True)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
