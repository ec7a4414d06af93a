"""Published figures beside those of a study, as ratios."""

from __future__ import annotations

from collections.abc import Callable, Collection

from bakeoff.artifacts.collected import Interval, PublishedRatio
from bakeoff.config.study import Study, cell_of_figure
from bakeoff.core.cell import Cell


def published_ratios(
    study: Study, timed: Collection[Cell], ratio: Callable[[Cell, Cell], Interval]
) -> list[PublishedRatio]:
    """Every published figure beside its target, in the order of the config; none where the study has none.

    Args:
        study: The study.
        timed: The targets that were timed.
        ratio: Latency of the first over that of the second.
    """
    if study.published is None:
        return []
    figures = study.published.figures
    against = next(figure for figure in figures if figure.name == study.published.against)
    base = cell_of_figure(study, against)
    cells = {cell.at(study=None): cell for cell in timed}
    found = []
    for figure in figures:
        cell = cell_of_figure(study, figure)
        share = figure.value / against.value
        ours = cells.get(cell), cells.get(base)
        found.append(
            PublishedRatio(
                **cell.named("question", "contender"),
                name=figure.name,
                published=figure.value,
                published_ratio=1 / share if study.published.unit == "ms" else share,
                ratio=ratio(ours[1], ours[0]) if ours[0] and ours[1] and figure is not against else None,
                is_against=figure is against,
            )
        )
    return found
