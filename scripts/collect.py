"""Collect all records of a study into collected.json (for the report) and results.csv (one row a target)."""

from bakeoff.collect.job import collect_study
from bakeoff.supervision.part_of_run import part_of_run

with part_of_run():
    collect_study(
        snakemake.params.study,
        snakemake.input.plan,
        snakemake.output.collected,
        snakemake.output.csv,
        snakemake.params.repair,
    )
