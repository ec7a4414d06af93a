# A model as it is judged: weights, check inputs, outputs in eager fp32.
rule reference:
    input:
        **RULES.input("reference"),
    output:
        f"{RULES.folder('reference')}/reference.json",
    log:
        RULES.log("reference"),
    priority: RULES.priority("reference")
    resources:
        limit_s=RULES.limit_s("reference"),
    params:
        **RULES.params("reference"),
    message:
        "Reference of {wildcards.model}"
    script:
        "../../scripts/reference.py"
