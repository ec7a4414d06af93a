"""The plots of each model."""

from __future__ import annotations

from itertools import groupby

from bakeoff.report.blocks import Block, Figures, Heading, Paragraph, Text
from bakeoff.report.plots.style import series_of
from bakeoff.report.section import Context, section


@section(rank=30, title="Plots", anchor="plots")
def plots(context: Context) -> list[Block]:
    """Plots model by model; that of all models belongs to the section on limits."""
    of_models = [plot for plot in context.plots if plot.model]
    legend: list[str | Text] = ["Each backend keeps its colour in all plots: "]
    for label in series_of(context.collected):
        legend += [Text(label, look="legend", series=label), " "]
    blocks: list[Block] = [Paragraph(tuple(legend), kind="lead", only="html")]
    for model, figures in groupby(of_models, lambda plot: plot.model):
        blocks += [Heading(model), Figures(list(figures))]
    if not of_models:
        blocks.append(Paragraph("Nothing to plot: the study has no targets.", kind="empty"))
    return blocks
