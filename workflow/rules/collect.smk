# All records of the study as one file for the report, and as results.csv.
rule collect:
    input:
        records=RULES.records(RUN.jobs.reported),
        plan=PATHS.plan,
        **RULES.planned(PATHS.collected),
    output:
        collected=PATHS.collected,
        csv=report(
            f"{PATHS.report}/results.csv",
            caption="../report/results.rst",
            category="Results",
        ),
    log:
        PATHS.log("collect"),
    params:
        study=STUDY.model_dump(mode="json"),
        code=code("collect"),
        repair=RULES.repair(PATHS.collected),
    message:
        "Collecting the results of {PATHS.study}"
    script:
        "../../scripts/collect.py"
