# What the study runs on: machine, software, settings, and what the device does at most.
rule environment:
    input:
        **RULES.input("environment"),
    output:
        f"{RULES.folder('environment')}/environment.json",
    log:
        RULES.log("environment"),
    priority: RULES.priority("environment")
    threads: RULES.cores_to_measure
    resources:
        limit_s=RULES.limit_s("environment"),
        gpu=RULES.gpu,
    params:
        **RULES.params("environment"),
    message:
        "Looking at the machine"
    script:
        "../../scripts/environment.py"
