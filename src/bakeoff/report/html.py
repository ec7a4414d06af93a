"""index.html: a study's report as one self-contained file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from markupsafe import Markup, escape

from bakeoff.artifacts.collected import Collected
from bakeoff.artifacts.io import read_record, write_text
from bakeoff.report.blocks import DASH, Block, Column, Datum, Text, Words
from bakeoff.report.facts import day, headline_facts
from bakeoff.report.page import render, templates
from bakeoff.report.plots.catalogue import Plot, read_plots
from bakeoff.report.plots.inline import themed
from bakeoff.report.plots.style import mark_of, series_of
from bakeoff.report.section import Context
from bakeoff.report.sections import all_sections

SCRIPTS = ["static/theme.js", "vendor/dataTables.min.js", "static/report.js"]

INLINE_PLOT_BYTES = 2_500_000
"""Plots beyond this are linked and not inlined, so that the page stays quick to open."""

_COLUMN_CLASSES = {"group": "col-model", "head": "col-backend", "axis": "folded", "status": "status", "share": "share"}


def write_html(collected_path: str | Path, plots_folder: str | Path, out_path: str | Path) -> None:
    """Write a study's report as one HTML file without any outside resource.

    Args:
        collected_path: collected.json.
        plots_folder: what `make_plots` made.
        out_path: the file to write, usually index.html beside the plots' folder.

    Raises:
        BakeoffError: collected.json or the plots' catalogue is missing or damaged.
    """
    collected = read_record(collected_path, Collected)
    folder = Path(plots_folder)
    write_text(out_path, html_of(collected, read_plots(folder), folder, Path(out_path).parent))


def html_of(collected: Collected, plots: list[Plot], plots_folder: Path, page_folder: Path) -> str:
    """The report's HTML; `page_folder` is where it will lie, for links to the plots' files."""
    context = Context(collected, plots)
    found = (kind.make(context) for kind in all_sections() if kind.html)
    writer = BlockWriter(
        {label: _mark(number) for label, number in series_of(collected).items()},
        _drawings(plots, plots_folder),
        _prefix(plots_folder, page_folder),
    )
    return render(
        "report.html.j2",
        SCRIPTS,
        title=collected.title,
        study=collected.target.study,
        collected_on=day(collected.made),
        facts=headline_facts(collected),
        sections=[section for section in found if section is not None],
        write=writer.write,
    )


class BlockWriter:
    """Writes the blocks of a page: each by the template of its kind in templates/blocks."""

    def __init__(self, series: Mapping[str, str], drawings: Mapping[str, Markup], plots_path: str) -> None:
        """Make a writer.

        Args:
            series: CSS classes of each backend's colour, by label.
            drawings: The SVG of each plot that stands in the page, by the plot's name; the others are linked.
            plots_path: The plots' folder as seen from the page.
        """
        self._series = series
        self._values = {
            "write": self.write,
            "inline": self.inline,
            "datum": self.datum,
            "bar": self.bar,
            "order": _order,
            "cell_classes": lambda columns: [_classes(column) for column in columns],
            "DASH": DASH,
            "heading_classes": _heading_classes,
            "drawings": drawings,
            "plots_path": plots_path,
        }
        self._templates: dict[type[Block], Callable[..., str]] = {}

    def write(self, blocks: Sequence[Block]) -> Markup:
        """Blocks as HTML, one after the other."""
        return Markup("").join(Markup(self._write(block)) for block in blocks if block.only in (None, "html"))

    def _write(self, block: Block) -> str:
        kind = type(block)
        if kind not in self._templates:
            name = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
            self._templates[kind] = templates().get_template(f"blocks/{name}.html.j2").render
        return self._templates[kind](block=block, **self._values)

    def inline(self, words: Words) -> Markup:
        """Words as HTML."""
        return Markup(self._inline(words))

    def datum(self, datum: Datum) -> Markup:
        """A value with its interval and its bar."""
        words = self._inline(datum.words)
        if datum.strong:
            words = f"<b>{words}</b>"
        interval = f'<span class="ci">{escape(datum.interval)}</span>' if datum.interval else ""
        return Markup(f"{words}{interval}{self.bar(datum, 'meter ')}")

    def bar(self, datum: Datum, look: str = "") -> Markup:
        """The bar of a value, as long as its share; nothing where it has none."""
        if datum.meter is None:
            return Markup("")
        label, percent = datum.meter
        return Markup(f'<i class="{look}s{self._series[label]}" style="width:{percent}%"></i>')

    # Strings, not Markup: a page has tens of thousands of these, and formatting Markup takes ten times as long.
    # Whatever a study wrote goes through `escape` here.

    def _inline(self, words: Words) -> str:
        if isinstance(words, str):
            return str(escape(words))
        parts = words if isinstance(words, tuple) else (words,)
        return "".join(str(escape(part)) if isinstance(part, str) else self._text(part) for part in parts)

    def _text(self, text: Text) -> str:
        if text.only == "markdown":
            return ""
        attributes = (("class", text.look), ("href", text.link), ("title", text.hint))
        said = "".join(f' {name}="{escape(value)}"' for name, value in attributes if value)
        tag = "a" if text.link else "code" if text.code else "b" if text.strong else "span" if said else ""
        inner = str(escape(text.words))
        if text.series is not None:
            inner = f'<i class="swatch s{self._series[text.series]}" aria-hidden="true"></i>{inner}'
        if text.spoken:
            inner += f'<span class="sr">{escape(text.spoken)}</span>'
        return f"<{tag}{said}>{inner}</{tag}>" if tag else inner


def _order(datum: Datum) -> str:
    """What a cell sorts by: of a number as many digits as tell any two apart that differ for a reader."""
    order = datum.order
    return "" if order is None else f"{order:.6g}" if isinstance(order, float) else str(order)


def _classes(column: Column) -> str:
    """CSS classes of the cells of a column."""
    number = "num" if column.number else ""
    return " ".join(filter(None, [number, _COLUMN_CLASSES.get(column.kind, "")]))


def _heading_classes(column: Column) -> str:
    """CSS classes of a column's heading."""
    number = "num" if column.number else ""
    kind = {"share": "share-column", "status": ""}.get(column.kind, _COLUMN_CLASSES.get(column.kind, ""))
    return " ".join(filter(None, [number, kind]))


def _mark(series: int) -> str:
    """What stands behind `s` in the CSS classes of a backend: its color, and its hatch where it has one."""
    color, hatch = mark_of(series)
    return f"{color} h{hatch}" if hatch else f"{color}"


def _prefix(plots_folder: Path, page_folder: Path) -> str:
    """The plots' folder as seen from the page."""
    try:
        return plots_folder.resolve().relative_to(page_folder.resolve()).as_posix()
    except ValueError:
        return plots_folder.resolve().as_uri()


def _drawings(plots: list[Plot], folder: Path) -> dict[str, Markup]:
    """The plots' SVG by their names, the first ones as far as the page has room for them."""
    spent = 0
    drawings: dict[str, Markup] = {}
    for number, plot in enumerate(plots):
        svg = themed((folder / plot.svg).read_text(), f"p{number}", str(escape(f"{plot.title}. {plot.caption}")))
        spent += len(svg.encode())
        if spent > INLINE_PLOT_BYTES:
            break
        # Made by Matplotlib, which escapes the text in it; the page's policy lets no script of it run.
        drawings[plot.name] = Markup(svg)
    return drawings
