# All records of the study as one file for the report, and as results.csv.
rule collect:
    input:
        **RULES.planned(PATHS.collected),
        records=RULES.collected,
        plan=PATHS.plan,
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
        f"Collecting the results of {PATHS.study}"
    script:
        "../../scripts/collect.py"
