# A study, from its config to its report:  snakemake --cores 1 report
# Another study:                           snakemake --cores 1 report --configfile studies/x.yaml
#
# The workflow itself is workflow/Snakefile, where Snakemake's workflow catalogue looks for it.


include: "workflow/Snakefile"


# Snakemake takes no default target from an included file.
rule default:
    default_target: True
    input:
        rules.report.input,
