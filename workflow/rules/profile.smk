# Layer times of a target, on their own: profiling slows inference.
rule profile:
    input:
        **RULES.input("profile"),
    output:
        f"{RULES.folder('profile')}/profile.json",
    log:
        RULES.log("profile"),
    priority: RULES.priority("profile")
    threads: RULES.cores_to_measure
    resources:
        limit_s=RULES.limit_s("profile"),
        gpu=RULES.gpu,
    params:
        **RULES.params("profile"),
    message:
        "Profile of {wildcards.model} on {wildcards.backend} {wildcards.precision} at batch {wildcards.batch}"
    script:
        "../../scripts/profile.py"
