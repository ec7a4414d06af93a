"""Every contact with Snakemake. The rest of Bakeoff plans, runs and reports without it.

`study_run.py` plans the study when the Snakefile is read, `rules.py` gives the rules their inputs and parameters,
`job_order.py` is what the scheduler plugin does, `script.py` is what the rules' scripts call, and `private.py` holds
what cannot be had by public interfaces. The plugins themselves are the packages `snakemake_scheduler_plugin_bakeoff`
and `snakemake_logger_plugin_bakeoff` beside Bakeoff's own, since Snakemake finds plugins by such names.
"""
