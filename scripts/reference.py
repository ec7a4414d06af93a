"""Make a model's reference: its weights, the seeded check inputs and the outputs of eager fp32 (TF32 off).

Makes results/<study>/<model>/reference/reference.json and the arrays beside it. Random weights get seeded values
and normalization statistics such that outputs vary over inputs and classes.
"""

from bakeoff.snakemake.script import run_job

run_job("reference", snakemake)
