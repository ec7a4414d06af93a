# What the study runs on: machine, software, settings.
rule environment:
    output:
        PATHS.environment,
    log:
        PATHS.log("environment"),
    conda:
        "../../envs/bakeoff.yaml"
    resources:
        limit_s=STAGING.limit_s("environment"),
    params:
        **STAGING.tracked("environment"),
        attempt=attempt(PATHS.environment),
    message:
        "Looking at the machine"
    script:
        "../../scripts/environment.py"
