"""Judge an engine's outputs against the reference on the same seeded inputs.

Makes results/<study>/<model>/<backend>/<precision>/accuracy.json.
"""

from bakeoff.snakemake.script import run_job

run_job("verify", snakemake)
