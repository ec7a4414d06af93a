"""Write reports/index.html, which lists all studies that have a report here."""

from pathlib import Path

from bakeoff.report.index import write_index

write_index(sorted(Path("results").glob("*/collected.json")), Path("reports/index.html"))
