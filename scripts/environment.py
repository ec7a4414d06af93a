"""Record what the study runs on: machine, software versions, settings, and the device's measured rates.

Makes results/<study>/environment.json.
"""

from bakeoff.snakemake.script import run_job

run_job("environment", snakemake)
