"""Write report.md, which renders on a code host, from collected.json and the plots."""

from bakeoff.jobs.part_of_run import part_of_run
from bakeoff.report.markdown import write_markdown

with part_of_run():
    write_markdown(snakemake.input.collected, snakemake.input.plots, snakemake.output[0])
