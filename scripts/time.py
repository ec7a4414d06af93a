"""Time one round of a target in a fresh process, with nothing else of the study running.

Makes results/<study>/<model>/<backend>/<precision>/b<batch>/round<k>/timing.json and the raw samples beside it.
"""

from bakeoff.snakemake.script import run_job

run_job("time", snakemake)
