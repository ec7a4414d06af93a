"""Write report.md, which renders on a code host, from collected.json and the plots."""

from bakeoff.report.markdown import write_markdown
from bakeoff.supervision.part_of_run import part_of_run

with part_of_run():
    write_markdown(snakemake.input.collected, snakemake.input.plots, snakemake.output[0])
