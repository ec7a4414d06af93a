# An engine's outputs against the reference.
rule verify:
    input:
        **RULES.input("verify"),
    output:
        f"{RULES.folder('verify')}/accuracy.json",
    log:
        RULES.log("verify"),
    priority: RULES.priority("verify")
    resources:
        limit_s=RULES.limit_s("verify"),
    params:
        **RULES.params("verify"),
    message:
        "Accuracy of {wildcards.model} on {wildcards.backend} {wildcards.precision}"
    script:
        "../../scripts/verify.py"


# Every engine of the study built and judged, nothing timed: what `python -m bakeoff coverage` reads.
rule verified:
    input:
        RULES.records(RUN.jobs.checked),
