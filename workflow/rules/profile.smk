# Layer times of a target, on their own: profiling slows inference.
rule profile:
    input:
        f"{ENGINE}/build.json",
    output:
        f"{TARGET}/profile.json",
    log:
        PATHS.log("{model}", "{backend}", "{precision}", "b{batch}", "profile"),
    priority: 50
    conda:
        "../../envs/bakeoff.yaml"
    # every core: nothing else of the study runs while a target is measured
    threads: workflow.cores
    resources:
        limit_s=STAGING.limit_s("profile"),
    params:
        **STAGING.tracked("profile"),
        attempt=attempt(f"{TARGET}/profile.json"),
    message:
        "Profile of {wildcards.model} on {wildcards.backend} {wildcards.precision} at batch {wildcards.batch}"
    script:
        "../../scripts/profile.py"
