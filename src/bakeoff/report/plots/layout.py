"""Where the axes of a plot of labelled rows lie.

They are found in one pass, since all rows are alike; Matplotlib's constrained layout draws everything several times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import LayoutEngine

PAD_IN, TITLE_IN, COLUMN_TITLE_IN, TICKS_IN, LEGEND_ROW_IN = 0.1, 0.35, 0.2, 0.28, 0.24
"""Margin, and room for the title above, those of columns under it, the tick labels below and each row of a legend at
the bottom, in inches."""
NARROWEST = 0.3
"""Share of the width that the axes keep, however long the labels are."""


class RowLayout(LayoutEngine):
    """Side-by-side axes that share their rows, whose labels stand at the left of the first.

    The figure's texts, where it has any, are the title above several columns.
    """

    def __init__(self) -> None:
        super().__init__()
        self.legend_rows = 0
        """Rows of legends below the axes, for which `legend_below` makes room."""

    @property
    def adjust_compatible(self) -> bool:
        """Whether Figure.subplots_adjust may be called: no, the positions are this engine's."""
        return False

    @property
    def colorbar_gridspec(self) -> bool:
        """Whether colorbars are laid out by a grid; these plots have none."""
        return False

    def execute(self, fig: Figure) -> None:
        """Set the position of every axes."""
        width, height = fig.get_size_inches()
        first = fig.axes[0]
        renderer: Any = FigureCanvasAgg(fig).get_renderer()
        labels = [label for label in first.get_yticklabels() if label.get_text()] if first.axison else []
        label_in = max((label.get_window_extent(renderer).width for label in labels), default=0.0) / fig.dpi
        left = min(PAD_IN + label_in + 0.06, (1 - NARROWEST) * width)
        columns = len(fig.axes)
        gap = 0.25
        each = (width - left - 2 * PAD_IN - (columns - 1) * gap) / columns
        bottom = PAD_IN + TICKS_IN + LEGEND_ROW_IN * self.legend_rows
        top = TITLE_IN + (COLUMN_TITLE_IN if columns > 1 else 0)
        for title in fig.texts:
            title.set_position((left / width, 1 - PAD_IN / height))
        for column, axes in enumerate(fig.axes):
            x = left + column * (each + gap)
            axes.set_position((x / width, bottom / height, each / width, 1 - (bottom + top) / height))


def legend_below(figure: Figure, handles: Sequence[Any], most_columns: int) -> None:
    """Add a legend at the lower right of a figure that has a `RowLayout`, which keeps room for it below the axes."""
    columns = min(len(handles), most_columns)
    figure.legend(
        handles=list(handles), loc="lower right", ncols=columns, frameon=False, fontsize=8,
        handletextpad=0.1, columnspacing=1,
    )  # fmt: skip
    layout = figure.get_layout_engine()
    if isinstance(layout, RowLayout):
        layout.legend_rows += math.ceil(len(handles) / columns)
