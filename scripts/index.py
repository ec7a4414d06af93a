"""Write reports/index.html, which lists all studies that have a report here."""

from pathlib import Path

from bakeoff.report.index import write_index
from bakeoff.supervision.part_of_run import part_of_run

with part_of_run():
    write_index(sorted(Path("results").glob("*/collected.json")), Path("reports/index.html"))
