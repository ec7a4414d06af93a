"""Environment variables that say how many threads a library uses."""

THREAD_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS",
                 "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")  # fmt: skip
"""Snakemake sets them for the processes that it starts, so no job is given them: a backend sets its threads itself, as
the study's `threads` says."""
