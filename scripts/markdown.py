"""Write report.md, which renders on a code host, from collected.json and the plots."""

from bakeoff.report.markdown import write_markdown

write_markdown(snakemake.input.collected, snakemake.input.plots, snakemake.output[0])
