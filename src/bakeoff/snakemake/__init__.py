"""Every contact with Snakemake. The rest of Bakeoff plans, runs and reports without it.

`study_run.py` plans the study when the Snakefile is read, `rules.py` gives the rules their inputs and parameters,
`scheduler.py` and `logger.py` are plugins (the packages `snakemake_scheduler_plugin_bakeoff` and
`snakemake_logger_plugin_bakeoff` beside this one are how Snakemake finds them), `script.py` is what the rules' scripts
call, and `private.py` holds what cannot be had by public interfaces.
"""
