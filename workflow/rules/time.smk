# One round of a target, in a fresh process. Earlier rounds of all targets come before later ones of any,
# and within a round the targets come in an order that is drawn anew for each.
rule time:
    input:
        **RULES.input("time"),
    output:
        f"{RULES.folder('time')}/timing.json",
    log:
        RULES.log("time"),
    priority: RULES.priority("time")
    threads: RULES.cores_to_measure
    resources:
        limit_s=RULES.limit_s("time"),
        gpu=RULES.gpu,
        order=RULES.order,
    params:
        **RULES.params("time"),
    message:
        "Timing of {wildcards.model} on {wildcards.backend} {wildcards.precision} at batch {wildcards.batch}, round {wildcards.round}"
    script:
        "../../scripts/time.py"
