# All records of the study as one file for the report, and as results.csv.
rule collect:
    input:
        STAGING.records(),
    output:
        collected=PATHS.collected,
        csv=report(
            f"{PATHS.report}/results.csv",
            caption="../report/results.rst",
            category="Results",
        ),
    log:
        PATHS.log("collect"),
    conda:
        "../../envs/bakeoff.yaml"
    params:
        study=STUDY.model_dump(mode="json"),
        cells=STAGING.cells_digest(),
        code=code_digest("collect"),
    message:
        "Collecting the results of {PATHS.study}"
    script:
        "../../scripts/collect.py"
