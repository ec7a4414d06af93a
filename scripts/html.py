"""Write index.html, one self-contained file, from collected.json and the plots."""

from bakeoff.report.html import write_html
from bakeoff.supervision.part_of_run import part_of_run

with part_of_run():
    write_html(snakemake.input.collected, snakemake.input.plots, snakemake.output[0])
