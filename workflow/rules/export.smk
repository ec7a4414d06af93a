# A model in an exchange format, once for all backends that read it.
rule export:
    input:
        **RULES.input("export"),
    output:
        f"{RULES.folder('export')}/export.json",
    log:
        RULES.log("export"),
    priority: RULES.priority("export")
    resources:
        limit_s=RULES.limit_s("export"),
    params:
        **RULES.params("export"),
    message:
        "Export of {wildcards.model} as {wildcards.format} {wildcards.precision}"
    script:
        "../../scripts/export.py"
