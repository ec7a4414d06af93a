"""Say how the study ended, in the rule's log; fail where a target failed, so that the run's exit status tells.

The Snakefile prints the log as the run's last words.
"""

import sys
from pathlib import Path

from bakeoff.collect.verdict import verdict
from bakeoff.supervision.part_of_run import part_of_run

with part_of_run():
    words, status = verdict(snakemake.input.collected, snakemake.input.html)
    Path(snakemake.log[0]).write_text(words)
    sys.exit(status)
