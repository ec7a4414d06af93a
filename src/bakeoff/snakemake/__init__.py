"""Every contact with Snakemake. The rest of Bakeoff plans, runs and reports without it."""
