"""Write index.html, one self-contained file, from collected.json and the plots."""

from bakeoff.report.html import write_html

write_html(snakemake.input.collected, snakemake.input.plots, snakemake.output[0])
