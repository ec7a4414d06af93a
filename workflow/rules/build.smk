# An engine, from an export or from the reference itself. The longest builds are begun first.
rule build:
    input:
        **RULES.input("build"),
    output:
        f"{RULES.folder('build')}/build.json",
    log:
        RULES.log("build"),
    priority: RULES.priority("build")
    threads: RULES.cores_to_build
    resources:
        limit_s=RULES.limit_s("build"),
    params:
        **RULES.params("build"),
    message:
        "Build of {wildcards.model} for {wildcards.backend} {wildcards.precision}"
    script:
        "../../scripts/build.py"
