# Which targets are timed once more, after all rounds before this one. A checkpoint: who gets a further round is known only
# when the rounds before it are measured.
checkpoint contest:
    input:
        **RULES.planned_contest(),
        records=RULES.before_contest,
        plan=PATHS.plan,
    output:
        PATHS.contest("{round}"),
    log:
        PATHS.log("contest-round{round}"),
    params:
        study=STUDY.model_dump(mode="json"),
        code=code("contest"),
        repair=RULES.repair_contest(),
    message:
        "Who is timed once more, in round {wildcards.round}"
    script:
        "../../scripts/contest.py"
