"""A section of the report, and what it is made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from bakeoff.artifacts.collected import Collected, TargetResult
from bakeoff.report.blocks import Block
from bakeoff.report.details import numbers_in_detail
from bakeoff.report.plots.catalogue import Plot
from bakeoff.report.targets import in_rank_order


@dataclass(frozen=True)
class Context:
    """What sections are made from: the results of a study, and the plots that were drawn of them."""

    collected: Collected
    plots: Sequence[Plot] = ()

    @cached_property
    def targets(self) -> list[TargetResult]:
        """All targets in the order of the report, which gives each its number."""
        return in_rank_order(self.collected, self.collected.targets)

    @cached_property
    def in_detail(self) -> set[int]:
        """The numbers of the targets that are shown in detail."""
        return numbers_in_detail(self.targets)


@dataclass(frozen=True)
class Section:
    """A section with its content."""

    title: str
    anchor: str
    nav: str
    title_shown: bool
    blocks: Sequence[Block]


Make = Callable[[Context], Sequence[Block] | None]


@dataclass(frozen=True)
class SectionKind:
    """A section that any study's report may have."""

    rank: int
    """Its place: sections come in ascending order."""
    title: str
    anchor: str
    """Its identifier in HTML, which links lead to."""
    nav: str
    """Its name in the table of contents."""
    html: bool
    markdown: bool
    """Where it appears."""
    title_shown: bool
    """Whether HTML shows the title, or leaves it to screen readers."""
    blocks: Make

    def make(self, context: Context) -> Section | None:
        """The section of a study; None where there is nothing to show."""
        blocks = self.blocks(context)
        return Section(self.title, self.anchor, self.nav, self.title_shown, blocks) if blocks else None


def section(
    *,
    rank: int,
    title: str,
    anchor: str,
    nav: str = "",
    html: bool = True,
    markdown: bool = True,
    title_shown: bool = True,
) -> Callable[[Make], SectionKind]:
    """Make a section of a function that gives its blocks, or None where there is nothing to show.

    Args:
        rank: Its place among the sections, in ascending order.
        title: Its heading.
        anchor: Its identifier in HTML.
        nav: Its name in the table of contents; the title where it is left out.
        html: Whether it appears in index.html.
        markdown: Whether it appears in report.md.
        title_shown: Whether HTML shows the title, or leaves it to screen readers.
    """
    return lambda blocks: SectionKind(rank, title, anchor, nav or title, html, markdown, title_shown, blocks)
