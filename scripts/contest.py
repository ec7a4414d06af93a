"""Decide which targets are timed once more: those that compete for an answer, and those whose rounds disagree.

Makes results/<study>/.contest/round<k>.json.
"""

from bakeoff.collect.contest import decide
from bakeoff.core.paths import StudyPaths
from bakeoff.supervision.part_of_run import part_of_run
from bakeoff.supervision.progress import Progress

with part_of_run():
    number = int(snakemake.wildcards.round)
    found = decide(snakemake.params.study, snakemake.input.plan, number, snakemake.output[0], snakemake.params.repair)
    Progress(StudyPaths(snakemake.params.study["study"]).results).add("time", len(found))
