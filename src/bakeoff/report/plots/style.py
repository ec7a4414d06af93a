"""How every plot looks: colours, fonts, and files that come out the same for the same data."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.artifacts.collected import Collected
from bakeoff.artifacts.io import write_bytes, write_text
from bakeoff.core.cell import Cell
from bakeoff.report.targets import contender_of, within_model

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

PAPER, INK, MUTED, GRID = "#ffffff", "#1d1d1b", "#6a6a64", "#e2e1db"

SERIES = (
    "#8c8c86", "#0173b2", "#de8f05", "#029e73", "#cc78bc", "#d55e00", "#56b4e9", "#ca9161", "#b8a800", "#7a5ea8",
)  # fmt: skip
"""Seaborn's palette for colour-blind readers, grey first (it goes to the baseline), its two palest colours replaced
since they vanish on white. Colour never stands alone: every row is labelled too."""

HATCHES = ("", "///", "...", "xxx")
"""A second mark where there are more backends than colours."""

WIDTH_IN = 5.4
ROW_IN = 0.235
PNG_DPI = 150


def series_of(collected: Collected) -> dict[str, int]:
    """A number for each backend label, the same in all plots and in the page: the baseline's is 0."""
    baseline = collected.baseline.split("/")[0]
    labels = list(collected.backends) or sorted({target.row.backend for target in collected.targets})
    labels += sorted({target.row.backend for target in collected.targets} - set(labels))
    rest = [label for label in labels if label != baseline]
    return {label: index for index, label in enumerate([baseline, *rest])}


def color_of(series: int) -> str:
    """The color of a backend by its number: the baseline's is its own, the others take turns."""
    return SERIES[mark_of(series)[0]]


def hatch_of(series: int) -> str:
    """The hatch of a backend by its number: none for the first ten."""
    return HATCHES[mark_of(series)[1]]


def mark_of(series: int) -> tuple[int, int]:
    """Which of SERIES and which of HATCHES a backend has, by its number."""
    if series == 0:
        return 0, 0
    turn, color = divmod(series - 1, len(SERIES) - 1)
    return 1 + color, turn % len(HATCHES)


def plain(text: str, longest: int = 60) -> str:
    """A user's string as one line for a plot."""
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def named(cell: Cell, *more: str) -> str:
    """What competes in a cell as the label of a row of a plot, and what else tells the row from others."""
    first, *others = [str(value) for _, value in contender_of(cell).items()]
    return f"{plain(first, 28)}  {' '.join(others)}{''.join(more)}"


def questioned(question: Cell, longest: int = 40) -> str:
    """What is asked as the title of a plot: the model, shortened, and the rest."""
    rest = within_model(question).words()
    return " · ".join(filter(None, [plain(question.model or "", longest), rest]))


@contextmanager
def house_style() -> Iterator[None]:
    """White, without ticks, with our inks; user strings are never read as mathematics."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "axes.axisbelow": True, "axes.grid": False, "xtick.bottom": False, "ytick.left": False,
                "lines.solid_capstyle": "round", "patch.edgecolor": "w", "patch.force_edgecolor": True,
                "figure.facecolor": PAPER, "axes.facecolor": "none", "savefig.facecolor": PAPER,
                "text.color": INK, "axes.labelcolor": MUTED, "axes.titlecolor": INK, "axes.edgecolor": GRID,
                "xtick.color": MUTED, "ytick.color": INK, "xtick.labelcolor": MUTED, "ytick.labelcolor": INK,
                "grid.color": GRID, "grid.linewidth": 0.7, "axes.linewidth": 0.7, "hatch.linewidth": 0.6,
                "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans", "Arial", "sans-serif"],
                "font.size": 8.5,
                "axes.titlesize": 9.5, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlepad": 8,
                "axes.titley": 1.0,
                "axes.labelsize": 8.5, "xtick.labelsize": 8, "ytick.labelsize": 8.5,
                "text.parse_math": False, "text.usetex": False, "axes.unicode_minus": True,
                "svg.fonttype": "none", "svg.hashsalt": "bakeoff",
                "figure.constrained_layout.w_pad": 0.1, "figure.constrained_layout.h_pad": 0.08,
            }
        )  # fmt: skip
        yield


def new_figure(
    rows: int, *, columns: int = 1, width_in: float = WIDTH_IN, share_rows: bool = True
) -> tuple[Figure, Any]:
    """A figure with room for `rows` labelled rows, and its axes (one, or an array of `columns`)."""
    from matplotlib.figure import Figure

    from bakeoff.report.plots.layout import COLUMN_TITLE_IN, RowLayout

    height_in = 0.95 + ROW_IN * max(rows, 3) + (COLUMN_TITLE_IN if columns > 1 else 0)
    figure = Figure(figsize=(width_in, height_in), layout=RowLayout())
    axes = figure.subplots(1, columns, sharey=share_rows)
    return figure, axes


def title_font() -> dict[str, Any]:
    """Looks of the title above several axes: those of a single one's."""
    import matplotlib as mpl

    return {"fontsize": mpl.rcParams["axes.titlesize"], "fontweight": mpl.rcParams["axes.titleweight"], "va": "top"}


def column_font() -> dict[str, Any]:
    """Looks of the title of one of several axes, under theirs all."""
    import matplotlib as mpl

    return {"fontsize": mpl.rcParams["axes.labelsize"], "fontweight": "normal", "color": MUTED, "pad": 4}


def horizontal_rows(axes: Axes, labels: list[str]) -> None:
    """One labelled row a target, first at the top, light vertical grid, no frame."""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="both", length=0)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)


def mark_gap(axes: Axes, row: int, words: str) -> None:
    """A target without a value: its row stays, with a cross and the reason."""
    from matplotlib.transforms import blended_transform_factory

    place = blended_transform_factory(axes.transAxes, axes.transData)
    axes.plot(
        [0.012], [row], marker="x", markersize=4.5, markeredgewidth=1.2, color=MUTED, transform=place, clip_on=False
    )
    axes.text(0.035, row, plain(words, 46), transform=place, va="center", color=MUTED, fontsize=7.5, style="italic")


def say_empty(axes: Axes, words: str) -> None:
    """Nothing to draw: say so in the figure."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=MUTED)


def save(figure: Figure, folder: Path, name: str) -> tuple[str, str]:
    """Write a figure as SVG and PNG, without dates, and return the names of both files."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    # Laid out once, for both files. The canvases are asked themselves: savefig would draw everything twice.
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")
    every_axis = (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis))
    for label in (label for axis in every_axis for label in axis.get_ticklabels()):
        label.set_in_layout(False)  # nor measured again while it is drawn
    text = io.StringIO()
    FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None, "Creator": None})
    write_text(folder / f"{name}.svg", _slim(text.getvalue()))
    figure.dpi = PNG_DPI
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    write_bytes(folder / f"{name}.png", _small_png(canvas))
    return f"{name}.svg", f"{name}.png"


def _small_png(canvas: FigureCanvasAgg) -> bytes:
    """A PNG with a palette: a third of the size, and no color differs by more than one can see (2 of 255)."""
    from PIL import Image

    pixels = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())
    palette = pixels.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    png = io.BytesIO()
    palette.save(png, format="PNG", optimize=True, dpi=(PNG_DPI, PNG_DPI))
    return png.getvalue()


def _slim(svg: str) -> str:
    """Six decimals of a point are of use to nobody: two keep the file a third smaller."""
    head, body, rest = svg.partition('<g id="figure_1">')

    def shorten(match: re.Match[str]) -> str:
        return re.sub(r"-?\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), match[0])

    return head + body + re.sub(r"(?:\b(?:d|x|y|width|height|transform|points)=\"[^\"]*\")", shorten, rest)
