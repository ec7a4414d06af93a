# A study, from its config to its report:  snakemake --cores 1 report
# Another study:                           snakemake --cores 1 report --configfile studies/x.yaml
#
# The workflow itself is workflow/Snakefile, where Snakemake's workflow catalogue looks for it. It is included by this
# call, and not by the keyword `include:`, because the keyword would leave out its default target.
workflow.include("workflow/Snakefile", overwrite_default_target=True)
