"""Print the study's answers and where the report is; fail, naming each target, where a target failed."""

import sys

from bakeoff.verdict import print_verdict

sys.exit(print_verdict(snakemake.input.collected, snakemake.input.html))
