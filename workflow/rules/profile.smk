# Layer times of a target, on their own: profiling slows inference.
rule profile:
    input:
        of_wildcards(STAGING.engine_input),
    output:
        f"{TARGET}/profile.json",
    log:
        PATHS.log("{model}", "{backend}", "{precision}", "b{batch}", "profile"),
    priority: 50
    conda:
        "../../envs/bakeoff.yaml"
    # On a CPU every core, so that nothing else of the study runs while a target is measured. A GPU is owned by its lock
    # (bakeoff.devices.locks): who waits for it must not keep cores from the builds that go first.
    threads: 1 if PLAN.gpus else workflow.cores
    resources:
        limit_s=STAGING.limit_s("profile"),
        gpu=int(bool(PLAN.gpus)),
    params:
        **STAGING.tracked("profile"),
        attempt=attempt(f"{TARGET}/profile.json"),
    message:
        "Profile of {wildcards.model} on {wildcards.backend} {wildcards.precision} at batch {wildcards.batch}"
    script:
        "../../scripts/profile.py"
