"""Box plots of layer times, one box a target, for one model."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
from bakeoff.report.targets import folders, in_question_order, within_model

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LARGEST = 32
"""More boxes than this are unreadable in one figure: the fastest targets are kept."""
INNER = 0.9
"""Share of the layers that the pale bar spans. It is no whisker: those are confidence intervals, in every plot."""


def layers_figure(collected: Collected, model: str) -> tuple[Figure, str]:
    """Median time of each layer in ms, as one box a target on a logarithmic axis; and the plot's caption."""
    from matplotlib.ticker import FuncFormatter

    caption = (
        "Each row holds the layers of one target by their median time: the box spans the middle half, the line in it "
        f"is the median layer, the pale bar spans {100 * INNER:g} % of the layers, and dots are those beyond it (the "
        "slow ones are worth a look). Logarithmic axis. Layers are profiled on their own; backends fuse and name them "
        "differently."
    )
    chosen = [t for t in collected.targets if t.row.model == model and t.profile is not None and t.profile.layers]
    if len(chosen) > LARGEST:
        caption += f" The {LARGEST} fastest of {len(chosen)} targets."
        chosen = sorted(chosen, key=lambda t: (not t.ranked, t.row.latency_ms or float("inf")))[:LARGEST]
    chosen = in_question_order(collected, chosen)
    figure, axes = new_figure(len(chosen))
    axes.set_title(f"{plain(model, 40)} · time per layer (ms)", x=0)
    cells = [Cell.of(target.row) for target in chosen]
    labels = [named(cell, *(f" · {folder}" for folder in folders(within_model(cell.question)))) for cell in cells]
    times_ms = {
        position: [layer.time_ms.median for layer in target.profile.layers if layer.time_ms.median > 0]
        for position, target in enumerate(chosen)
        if target.profile
    }
    # a logarithm has no zero; such layers were optimised away
    times_ms = {position: medians for position, medians in times_ms.items() if medians}
    if not times_ms:
        say_empty(axes, "no layer times")
        return figure, caption
    axes.set_xscale("log")
    boxes = _draw_boxes(axes, times_ms)
    series = series_of(collected)
    for position, box in zip(times_ms, boxes, strict=True):
        box.set_facecolor(color_of(series[chosen[position].row.backend]))
    horizontal_rows(axes, labels)
    axes.set(xlabel="", ylabel="")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return figure, caption


def _draw_boxes(axes: Axes, times_ms: Mapping[int, Sequence[float]]) -> list[Any]:
    """One box for each row, and the boxes; quantiles are those of the logarithms, as the axis shows them."""
    import numpy as np
    from matplotlib.cbook import boxplot_stats

    logs = [np.log10(medians) for medians in times_ms.values()]
    boxes = boxplot_stats(logs, whis=(50 * (1 - INNER), 50 * (1 + INNER)))
    for box in boxes:
        box |= {name: 10.0 ** np.asarray(box[name]) for name in ("med", "q1", "q3", "whislo", "whishi", "fliers")}
    # Matplotlib 3.10 has a new name for it, and 3.11 retires the old one.
    lying = (
        {"orientation": "horizontal"} if "orientation" in inspect.signature(axes.bxp).parameters else {"vert": False}
    )
    line = {"color": INK, "linewidth": 0.8}
    drawn = axes.bxp(
        boxes, positions=list(times_ms), widths=0.62, patch_artist=True, showcaps=False,
        boxprops={"edgecolor": INK, "linewidth": 0.8}, medianprops=line,
        flierprops={"marker": "o", "markersize": 2, "markerfacecolor": "none", "markeredgecolor": INK},
        whiskerprops={"color": MUTED, "alpha": 0.4, "linewidth": 4, "solid_capstyle": "butt"}, **lying,
    )  # fmt: skip
    return list(drawn["boxes"])
