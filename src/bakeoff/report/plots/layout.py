"""Where the axes of a plot of labelled rows lie: found in one pass; constrained layout draws all several times."""

from __future__ import annotations

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

    _adjust_compatible = False
    _colorbar_gridspec = False

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
        bottom = PAD_IN + TICKS_IN + LEGEND_ROW_IN * sum(_rows(legend) for legend in fig.legends)
        top = TITLE_IN + (COLUMN_TITLE_IN if columns > 1 else 0)
        for title in fig.texts:
            title.set_position((left / width, 1 - PAD_IN / height))
        for column, axes in enumerate(fig.axes):
            x = left + column * (each + gap)
            axes.set_position((x / width, bottom / height, each / width, 1 - (bottom + top) / height))


def _rows(legend: Any) -> int:
    return -(-len(legend.legend_handles) // legend._ncols)
