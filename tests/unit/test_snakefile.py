"""What the Snakefile changes of Snakemake."""

import subprocess
import sys

import pytest

SAID = """
import logging, sys
from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from bakeoff.snakemake.reading import leave_out_progress
logger.setLevel(logging.INFO)
logger.addHandler(logging.StreamHandler(sys.stdout))
leave_out_progress({getattr(Quietness, name) for name in sys.argv[1:]})
for words in ("Select jobs to execute...", "Execute 12 jobs...", "Touching output file results/a b/.index.done.",
              "Execute them", "Nothing to be done"):
    logger.info(words)
logger.error("Select jobs to execute... failed")
"""
PROGRESS = ["Select jobs to execute...", "Execute 12 jobs...", "Touching output file results/a b/.index.done."]
OTHERS = ["Execute them", "Nothing to be done", "Select jobs to execute... failed"]


@pytest.mark.parametrize(
    ("quiet", "said"),
    [
        (["PROGRESS", "RULES"], OTHERS),
        (["RULES"], [*PROGRESS, *OTHERS]),
        ([], [*PROGRESS, *OTHERS]),
    ],
)
def test_selection_of_jobs_is_progress(quiet, said):
    run = subprocess.run([sys.executable, "-c", SAID, *quiet], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == said
