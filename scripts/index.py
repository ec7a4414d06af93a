"""Write reports/index.html, which lists all studies that have a report here."""

from pathlib import Path

from snakemake.script import snakemake  # noqa: F401 - Snakemake fills it in; nothing of it is needed

from bakeoff.report.index import write_index

write_index(sorted(Path("results").glob("*/collected.json")), Path("reports/index.html"))
