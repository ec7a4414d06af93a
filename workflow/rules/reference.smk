# A model as it is judged: weights, check inputs, outputs in eager fp32.
rule reference:
    input:
        of_wildcards(STAGING.model_files),
    output:
        f"{REFERENCE}/reference.json",
    log:
        PATHS.log("{model}", "reference"),
    priority: 90
    conda:
        "../../envs/bakeoff.yaml"
    resources:
        limit_s=STAGING.limit_s("reference"),
    params:
        **STAGING.tracked("reference"),
        attempt=attempt(f"{REFERENCE}/reference.json"),
    message:
        "Reference of {wildcards.model}"
    script:
        "../../scripts/reference.py"
