"""Write reports/index.html, which lists all studies that have a report here."""

from pathlib import Path

from bakeoff.core.paths import StudyPaths
from bakeoff.report.index import write_index
from bakeoff.snakemake.script import note_whole
from bakeoff.supervision.part_of_run import part_of_run

with part_of_run():
    study = Path(snakemake.input.collected).parent.name
    write_index(sorted(Path("results").glob("*/collected.json")), Path(StudyPaths(study).index))
    Path(snakemake.output[0]).touch()
    note_whole(snakemake)
