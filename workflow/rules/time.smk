# One round of a target, in a fresh process. Earlier rounds of all targets come before later ones of any.
rule time:
    input:
        of_wildcards(STAGING.engine_input),
    output:
        f"{ROUND}/timing.json",
    log:
        PATHS.log("{model}", "{backend}", "{precision}", "b{batch}", "round{round}"),
    # below every other stage, and lower each round: rounds are interleaved over targets
    priority: of_wildcards(lambda wildcards: -int(wildcards.round))
    conda:
        "../../envs/bakeoff.yaml"
    # On a CPU every core, so that nothing else of the study runs while a target is measured. A GPU is owned by its lock
    # (bakeoff.devices.locks): who waits for it must not keep cores from the builds that go first.
    threads: 1 if PLAN.gpus else workflow.cores
    resources:
        limit_s=STAGING.limit_s("time"),
        gpu=int(bool(PLAN.gpus)),
    params:
        **STAGING.tracked("time"),
        attempt=attempt(f"{ROUND}/timing.json"),
    message:
        "Timing of {wildcards.model} on {wildcards.backend} {wildcards.precision} at batch {wildcards.batch}, round {wildcards.round}"
    script:
        "../../scripts/time.py"
