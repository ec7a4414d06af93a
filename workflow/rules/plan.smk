# Every cell of the study and why some cannot run here, as planned when this workflow was read.
rule plan:
    input:
        **RULES.planned(PATHS.plan),
    output:
        PATHS.plan,
    log:
        PATHS.log("plan"),
    priority: 110
    params:
        plan=RUN.plan.record().model_dump_json(by_alias=True),
        repair=RULES.repair(PATHS.plan),
    message:
        "Writing down the plan of {PATHS.study}"
    script:
        "../../scripts/plan.py"
