# An engine's outputs against the reference.
rule verify:
    input:
        f"{ENGINE}/build.json",
        f"{REFERENCE}/reference.json",
    output:
        f"{ENGINE}/accuracy.json",
    log:
        PATHS.log("{model}", "{backend}", "{precision}{fixed}", "verify"),
    priority: 60
    conda:
        "../../envs/bakeoff.yaml"
    resources:
        limit_s=STAGING.limit_s("verify"),
    params:
        **STAGING.tracked("verify"),
        attempt=attempt(f"{ENGINE}/accuracy.json"),
    message:
        "Accuracy of {wildcards.model} on {wildcards.backend} {wildcards.precision}"
    script:
        "../../scripts/verify.py"


# Every engine of the study built and judged, nothing timed: what `python -m bakeoff.tools.coverage` reads.
rule verified:
    input:
        STAGING.checked_records(),
