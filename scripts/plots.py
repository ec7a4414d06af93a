"""Draw the plots of a study, each as SVG and PNG, from collected.json."""

from bakeoff.report.plots import make_plots
from bakeoff.supervision.part_of_run import part_of_run

with part_of_run():
    make_plots(snakemake.input[0], snakemake.output[0], snakemake.threads)
