"""What a section of the report is made of: data, which html.py and markdown.py each render in their own way.

Words are a string, or a tuple of strings and `Text`s, which have a look. A block or a text with `only` appears in that
output alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from bakeoff.report.plots.catalogue import Plot

DASH = "–"
"""Stands where there is no value."""

Medium = Literal["html", "markdown"]


@dataclass(frozen=True, slots=True)
class Text:
    """Words with a look."""

    words: str
    look: str = ""
    """Classes of style.css: a tone (`good`, `bad`, `warn`, `soft`, `why`) or a shape (`tag`, `chip`, `legend`)."""
    strong: bool = False
    code: bool = False
    link: str = ""
    """Where it leads: `#method` is the section with that anchor. Markdown shows the words alone."""
    hint: str = ""
    """More words, shown by HTML while the pointer rests on these."""
    spoken: str = ""
    """Words that HTML adds for screen readers."""
    series: str | None = None
    """Label of a backend, whose colour HTML shows before the words."""
    only: Medium | None = None


Words = str | Text | tuple[str | Text, ...]


@dataclass(frozen=True, kw_only=True)
class Block:
    """A part of a section."""

    only: Medium | None = None


@dataclass(frozen=True)
class Paragraph(Block):
    """A paragraph: `lead` explains what follows, `note` adds to what precedes, `empty` says that there is nothing."""

    words: Words
    kind: Literal["", "lead", "note", "empty", "alarm"] = ""


@dataclass(frozen=True)
class Heading(Block):
    """A heading within a section, with a note that is set smaller."""

    words: str
    note: str = ""
    level: Literal[3, 4] = 3


@dataclass(frozen=True)
class FactList(Block):
    """Names with what is so called: `facts` in a line each, `method` with a paragraph each."""

    facts: Sequence[tuple[Words, Words]]
    kind: Literal["facts", "method"] = "facts"


@dataclass(frozen=True)
class Entry:
    """A thing that happened, what is to be said of it, and the targets that it concerns."""

    headline: str
    words: Words
    targets: Sequence[str]
    """Names of the targets that are listed."""
    count: int
    """How many there are."""
    code: str = ""
    """What the thing is called in files."""
    status: str = ""
    """`failed`, `blocked`, `unsupported` or `unranked`, which colours a problem."""
    anchor: str = ""
    opened: bool = False
    """Whether HTML lists the targets without being asked."""

    @property
    def count_words(self) -> str:
        """`3 targets`."""
        return f"{self.count} target{'s' if self.count != 1 else ''}"


@dataclass(frozen=True)
class Entries(Block):
    """Problems, each with its reason in its headline; or things explained, each with a code."""

    entries: Sequence[Entry]
    kind: Literal["problems", "explained"]


@dataclass(frozen=True, slots=True)
class Datum:
    """A cell of a table, or another single value."""

    words: Words = DASH
    interval: str = ""
    """Ends of its confidence interval: `12.1–12.5`."""
    order: float | str | None = None
    """What the cell sorts by, in a column of numbers. None comes last."""
    strong: bool = False
    """Whether it is what readers look for in the row: HTML always sets it bold, Markdown in the row of the best."""
    meter: tuple[str, float] | None = None
    """A bar below the number: the label of a backend, whose colour it has, and its length in percent."""


NOTHING = Datum()


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    heading: str
    note: str = ""
    """Set smaller below the heading."""
    in_markdown: str = ""
    """The heading in Markdown, where it is not the heading and the note."""
    kind: Literal["", "name", "group", "head", "axis", "status", "share"] = ""
    """`name` names the row. So does `head` in a table of targets: it stays in sight while the table is scrolled
    sideways, together with `group`. A narrow screen hides `group` and the columns of kind `axis`, whose values the head
    then repeats."""
    number: bool = False
    """Whether it holds numbers, aligned right."""
    hint: str = ""
    descending: bool = False
    """Whether a table that can be sorted shows large numbers first."""


RowKind = Literal["", "best", "off", "unranked", "rest"]


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table; it has a cell for each column."""

    cells: Sequence[Datum]
    kind: RowKind = ""
    """`off` did not run; `rest` sums up what is not listed."""
    filters: dict[str, str] = field(default_factory=dict)
    """What the row is found by: name of a filter, value."""


@dataclass(frozen=True)
class Table(Block):
    """A table."""

    name: str
    """Names it among the tables of the report."""
    caption: Words
    columns: Sequence[Column]
    rows: Sequence[TableRow]
    caption_shown: bool = True
    kind: Literal["", "layer-table"] = ""

    @property
    def tall(self) -> bool:
        """Whether HTML lets it scroll within its own frame."""
        return self.kind != "layer-table"


@dataclass(frozen=True)
class Filter:
    """A choice among the rows of a table."""

    name: str
    heading: str
    options: Sequence[tuple[str, str]]
    """(value, words) of each."""


@dataclass(frozen=True)
class Comparison(Block):
    """The table of all targets, which HTML lets readers sort, filter and search. It stands once in a report."""

    table: Table
    filters: Sequence[Filter]


@dataclass(frozen=True)
class Figures(Block):
    """Plots, with blocks beside them where there is room."""

    plots: Sequence[Plot]
    beside: Sequence[Block] = ()


@dataclass(frozen=True)
class Group(Block):
    """Parts of equal rank: HTML shows them side by side, as `columns` of a grid or as `groups` that flow."""

    parts: Sequence[Sequence[Block]]
    kind: Literal["columns", "groups"] = "columns"


@dataclass(frozen=True)
class Details(Block):
    """Blocks that HTML folds away below a line."""

    summary: Words
    blocks: Sequence[Block]
    anchor: str = ""
    kind: Literal["", "one"] = ""
    """`one`: of one target."""


@dataclass(frozen=True)
class Sample:
    """One input, and what is said of it."""

    name: str
    label: str
    """What it is; empty where that is not known."""
    picture: str | None
    """PNG, base64."""
    table: Table


@dataclass(frozen=True)
class Samples(Block):
    """Inputs with what engines say of them. Markdown shows no pictures."""

    samples: Sequence[Sample]


@dataclass(frozen=True)
class Code(Block):
    """Text in the letters of code, its lines kept."""

    text: str


@dataclass(frozen=True)
class Card:
    """An answer in words, with the figures behind it."""

    words: str
    question: str = ""
    """What was asked within the heading: `Batch 8`."""
    best: Words | None = None
    numbers: Sequence[tuple[str, Datum]] = ()
    bars: Sequence[tuple[Words, Datum]] = ()
    """The fastest targets: name, and time with a meter."""
    more: int = 0
    """Ranked targets beyond those among the bars."""


@dataclass(frozen=True)
class Answers(Block):
    """Cards under one heading."""

    heading: str
    note: str
    cards: Sequence[Card]
