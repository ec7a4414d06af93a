"""Draw the plots of a study, each as SVG and PNG, from collected.json."""

from bakeoff.report.plots import make_plots

make_plots(snakemake.input[0], snakemake.output[0])
