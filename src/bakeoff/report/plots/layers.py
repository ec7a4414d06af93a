"""Box plots of layer times, one box a target, for one model."""

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
from bakeoff.report.targets import folders, in_question_order, within_model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST = 32
"""More boxes than this are unreadable in one figure: the fastest targets are kept."""
INNER = 0.9
"""Share of the layers that the pale bar spans. It is no whisker: those are confidence intervals, in every plot."""


def layers_figure(collected: Collected, model: str) -> tuple[Figure, str]:
    """Median time of each layer in ms, as one box a target on a logarithmic axis; and the plot's caption."""
    import warnings

    import pandas as pd
    import seaborn as sns
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
    times = [
        (position, layer.time_ms.median)
        for position, target in enumerate(chosen)
        for layer in (target.profile.layers if target.profile else [])
        if layer.time_ms.median > 0  # a logarithm has no zero; such layers were optimised away
    ]
    if not times:
        say_empty(axes, "no layer times")
        return figure, caption
    series = series_of(collected)
    frame = pd.DataFrame(times, columns=["row", "ms"])
    with warnings.catch_warnings():
        # Seaborn 0.13 passes an argument that Matplotlib 3.11 is about to retire.
        warnings.filterwarnings("ignore", message="vert: bool was deprecated")
        sns.boxplot(
            frame, x="ms", y="row", orient="h", log_scale=(True, False), native_scale=True, width=0.62, linewidth=0.8,
            linecolor=INK, fliersize=2, ax=axes, whis=(50 * (1 - INNER), 50 * (1 + INNER)), showcaps=False,
            whiskerprops={"color": MUTED, "alpha": 0.4, "linewidth": 4, "solid_capstyle": "butt"},
        )  # fmt: skip
    # coloured here: with a hue for each, seaborn draws each box in a call of its own, much slower
    for position, box in zip(frame["row"].unique(), axes.patches, strict=True):
        box.set_facecolor(color_of(series[chosen[position].row.backend]))
    horizontal_rows(axes, labels)
    axes.set(xlabel="", ylabel="")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return figure, caption
