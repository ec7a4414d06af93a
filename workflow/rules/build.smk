# An engine, from an export or from the reference itself.
rule build:
    input:
        of_wildcards(STAGING.build_input),
    output:
        f"{ENGINE}/build.json",
    log:
        PATHS.log("{model}", "{backend}", "{precision}{fixed}", "build"),
    # the longest builds first
    priority: of_wildcards(STAGING.build_priority)
    conda:
        "../../envs/bakeoff.yaml"
    threads: of_wildcards(cores_to_build)
    resources:
        limit_s=STAGING.limit_s("build"),
    params:
        **STAGING.tracked("build"),
        attempt=attempt(f"{ENGINE}/build.json"),
    message:
        "Build of {wildcards.model} for {wildcards.backend} {wildcards.precision}"
    script:
        "../../scripts/build.py"
