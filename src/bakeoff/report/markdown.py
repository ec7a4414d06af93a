"""report.md: the report as GitHub-flavoured Markdown, images by relative path."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bakeoff.artifacts.collected import Collected
from bakeoff.artifacts.io import read_record, write_text
from bakeoff.report import blocks
from bakeoff.report.blocks import Block, Column, Datum, Text, Words
from bakeoff.report.facts import headline_facts
from bakeoff.report.markdown_text import bold, code, escape, escape_alt, escape_cell, table
from bakeoff.report.plots.catalogue import Plot, read_plots
from bakeoff.report.section import Context
from bakeoff.report.sections import all_sections


def write_markdown(collected_path: str | Path, plots_folder: str | Path, out_path: str | Path) -> None:
    """Write a study's report as Markdown.

    Args:
        collected_path: collected.json.
        plots_folder: what `make_plots` made; images are linked relative to `out_path`.
        out_path: the file to write, usually report.md beside the plots' folder.

    Raises:
        BakeoffError: collected.json or the plots' catalogue is missing or damaged.
    """
    collected = read_record(collected_path, Collected)
    folder = os.path.relpath(Path(plots_folder).resolve(), Path(out_path).resolve().parent)
    write_text(out_path, markdown_of(collected, read_plots(plots_folder), Path(folder).as_posix()))


def markdown_of(collected: Collected, plots: list[Plot], plots_path: str) -> str:
    """The report's Markdown; `plots_path` is the plots' folder as seen from the file."""
    context = Context(collected, plots)
    writer = BlockWriter(plots_path)
    parts = [f"# {escape(collected.title)}", *writer.write([blocks.FactList(headline_facts(collected))])]
    for kind in all_sections():
        section = kind.make(context) if kind.markdown else None
        if section is not None:
            parts += [f"## {escape(section.title)}", *writer.write(section.blocks)]
    return "\n\n".join(parts) + "\n"


class BlockWriter:
    """Writes blocks as Markdown, each by the method for its kind."""

    def __init__(self, plots_path: str) -> None:
        """Make a writer; `plots_path` is the plots' folder as seen from the file."""
        self._plots_path = plots_path
        self._writers: dict[type[Block], Callable[[Any], list[str]]] = {
            blocks.Paragraph: self._paragraph,
            blocks.Heading: self._heading,
            blocks.FactList: self._facts,
            blocks.Entries: self._entries,
            blocks.Table: self._table,
            blocks.Comparison: lambda block: self._table(block.table),
            blocks.Figures: self._figures,
            blocks.Group: self._group,
            blocks.Details: self._details,
            blocks.Samples: self._samples,
            blocks.Code: self._code,
            blocks.Answers: self._answers,
        }

    def write(self, content: Sequence[Block]) -> list[str]:
        """Parts of a file, which blank lines come between."""
        shown = [block for block in content if block.only in (None, "markdown")]
        return [part for block in shown for part in self._writers[type(block)](block)]

    def _paragraph(self, block: blocks.Paragraph) -> list[str]:
        return [inline(block.words).strip()]

    def _heading(self, block: blocks.Heading) -> list[str]:
        note = [escape(block.note[:1].upper() + block.note[1:] + ("" if block.note.endswith(".") else "."))]
        return [f"{'#' * block.level} {escape(block.words)}", *(note if block.note else [])]

    def _facts(self, block: blocks.FactList) -> list[str]:
        end = "." if block.kind == "method" else ":"
        lines = [f"- {bold(inline(name) + end)} {inline(value)}" for name, value in block.facts]
        return ["\n".join(lines)] if lines else []

    def _entries(self, block: blocks.Entries) -> list[str]:
        lines = []
        for entry in block.entries:
            known = ", ".join(filter(None, [escape(entry.code), entry.count_words]))
            said = inline(entry.words)
            parts = [
                bold(escape(entry.headline)),
                f"({known}).",
                said + ("." if said and not said.endswith(".") else ""),
            ]
            names = "; ".join(map(escape, entry.targets))
            more = entry.count - len(entry.targets)
            parts.append(f"Targets: {names}" + (f" and {more} more" if more else ""))
            lines.append("- " + " ".join(filter(None, parts)))
        return ["\n".join(lines)]

    def _table(self, block: blocks.Table) -> list[str]:
        if not block.rows:
            return [inline(block.caption) + "."]
        heads = [_heading_of(column) for column in block.columns]
        right = {place for place, column in enumerate(block.columns) if column.number}
        rows = [[_cell(datum, row.kind == "best") for datum in row.cells] for row in block.rows]
        return [table(heads, rows, right)]

    def _figures(self, block: blocks.Figures) -> list[str]:
        parts = []
        for plot in block.plots:
            parts.append(f"![{escape_alt(plot.title)}]({quote(f'{self._plots_path}/{plot.png}')})")
            parts.append(escape(plot.caption))
        return [*parts, *self.write(block.beside)]

    def _group(self, block: blocks.Group) -> list[str]:
        return [text for part in block.parts for text in self.write(part)]

    def _details(self, block: blocks.Details) -> list[str]:
        return [bold(inline(block.summary)), *self.write(block.blocks)]

    def _samples(self, block: blocks.Samples) -> list[str]:
        parts = []
        for sample in block.samples:
            label = f", {escape(sample.label)}" if sample.label else ""
            parts += [f"{bold(escape(sample.name))}{label}", *self._table(sample.table)]
        return parts

    def _code(self, block: blocks.Code) -> list[str]:
        fence = "```"
        while fence in block.text:
            fence += "`"
        return [f"{fence}\n{block.text.rstrip()}\n{fence}"]

    def _answers(self, block: blocks.Answers) -> list[str]:
        return [bold(escape(block.heading)), "\n".join(f"- {escape(card.words)}" for card in block.cards)]


def inline(words: Words, write: Callable[[object], str] = escape) -> str:
    """Words as Markdown; `write` is how a string is escaped."""
    if isinstance(words, str):
        return write(words)
    parts = words if isinstance(words, tuple) else (words,)
    return "".join(_kept_apart(part, write) if isinstance(part, str) else _text(part, write) for part in parts)


def _kept_apart(text: str, write: Callable[[object], str]) -> str:
    """A string between others: the space at its ends, which escaping takes off, separates it from them."""
    before = " " if text[:1].isspace() and text.strip() else ""
    after = " " if text[-1:].isspace() else ""
    return f"{before}{write(text)}{after}"


def _text(text: Text, write: Callable[[object], str]) -> str:
    if text.only == "html":
        return ""
    shown = code(text.words) if text.code else _kept_apart(text.words, write)
    return bold(shown) if text.strong else shown


def _heading_of(column: Column) -> str:
    return escape_cell(column.in_markdown or f"{column.heading} {column.note}")


def _cell(datum: Datum, best: bool) -> str:
    words = inline(datum.words, escape_cell).strip()
    if best and datum.strong:
        words = bold(words)
    return f"{words} [{escape_cell(datum.interval)}]" if datum.interval else words
