"""Make a model's calibration set, from a folder of images or seeded, for the quantizers of all backends.

Makes results/<study>/<model>/calibration/calibration.json and the inputs beside it.
"""

from bakeoff.snakemake.script import run_job

run_job("calibrate", snakemake)
