"""Measure the layers of a target, on their own, since profiling slows inference.

Makes results/<study>/<model>/<backend>/<precision>/b<batch>/profile.json and trace.json (opens in Perfetto).
"""

from bakeoff.snakemake.script import run_job

run_job("profile", snakemake)
