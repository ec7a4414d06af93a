"""Plots of a study: one file a plot, each as SVG (text stays text) and PNG."""

from bakeoff.report.plots.catalogue import Plot, read_plots
from bakeoff.report.plots.make import make_plots

__all__ = ["Plot", "make_plots", "read_plots"]
