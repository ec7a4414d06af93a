"""Write plan.json: every cell of the study, and why some cannot be built or run here."""

from bakeoff.collect.job import write_plan
from bakeoff.supervision.part_of_run import part_of_run

with part_of_run():
    write_plan(snakemake.params.plan, snakemake.output[0], snakemake.params.repair)
