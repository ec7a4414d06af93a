"""Draw the plots of a study, each as SVG and PNG, from collected.json."""

from bakeoff.report.plots import make_plots
from bakeoff.snakemake.script import note_whole
from bakeoff.supervision.part_of_run import part_of_run

with part_of_run():
    make_plots(snakemake.input.collected, snakemake.output[0], snakemake.threads)
    note_whole(snakemake)
