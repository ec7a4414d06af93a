"""Write a model in an exchange format, from the weights of its reference.

Makes results/<study>/<model>/exports/<format>-<precision>/export.json and the export beside it.
"""

from bakeoff.snakemake.script import run_job

run_job("export", snakemake)
