# What the study runs on: machine, software, settings, and what the device does at most.
rule environment:
    output:
        PATHS.environment,
    log:
        PATHS.log("environment"),
    priority: 100
    conda:
        "../../envs/bakeoff.yaml"
    # The device's rates are measured, so nothing else may run: see time.smk.
    threads: 1 if PLAN.gpus else workflow.cores
    resources:
        limit_s=STAGING.limit_s("environment"),
        gpu=int(bool(PLAN.gpus)),
    params:
        **STAGING.tracked("environment"),
        attempt=attempt(PATHS.environment),
    message:
        "Looking at the machine"
    script:
        "../../scripts/environment.py"
