# A model in an exchange format, once for all backends that read it.
rule export:
    input:
        f"{REFERENCE}/reference.json",
    output:
        f"{EXPORT}/export.json",
    log:
        PATHS.log("{model}", "exports", "{format}-{precision}{fixed}"),
    priority: 80
    conda:
        "../../envs/bakeoff.yaml"
    resources:
        limit_s=STAGING.limit_s("export"),
    params:
        **STAGING.tracked("export"),
        attempt=attempt(f"{EXPORT}/export.json"),
    message:
        "Export of {wildcards.model} as {wildcards.format} {wildcards.precision}"
    script:
        "../../scripts/export.py"
