"""Build an engine from an export (or, for eager, from the reference itself).

Makes results/<study>/<model>/<backend>/<precision>/build.json and the engine beside it.
"""

from bakeoff.snakemake.script import run_job

run_job("build", snakemake)
