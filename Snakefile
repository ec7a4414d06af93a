# A study, from its config to its report:  snakemake --cores 1 report
# Another study:                           snakemake --cores 1 report --configfile studies/x.yaml
import os
import sys

sys.path.insert(0, os.path.join(workflow.basedir, "src"))

from bakeoff.core.errors import BakeoffError
from bakeoff.snakemake.reading import read_study

if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


try:
    STAGING = read_study(config, workflow)
except BakeoffError as error:
    raise WorkflowError(str(error)) from None

PLAN, PATHS, STUDY = STAGING.plan, STAGING.paths, STAGING.study


include: "workflow/rules/common.smk"
include: "workflow/rules/environment.smk"
include: "workflow/rules/reference.smk"
include: "workflow/rules/calibrate.smk"
include: "workflow/rules/export.smk"
include: "workflow/rules/build.smk"
include: "workflow/rules/verify.smk"
include: "workflow/rules/profile.smk"
include: "workflow/rules/time.smk"
include: "workflow/rules/collect.smk"
include: "workflow/rules/report.smk"


# Here, since Snakemake takes no default target from included files.
rule report:
    default_target: True
    input:
        rules.verdict.output,
        rules.collect.output.csv,


onstart:
    start_progress()


onsuccess:
    last_words()


onerror:
    last_words()
