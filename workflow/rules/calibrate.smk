# The inputs that quantizers look at, once for all int8 engines of a model.
rule calibrate:
    input:
        **RULES.input("calibrate"),
    output:
        f"{RULES.folder('calibrate')}/calibration.json",
    log:
        RULES.log("calibrate"),
    priority: RULES.priority("calibrate")
    resources:
        limit_s=RULES.limit_s("calibrate"),
    params:
        **RULES.params("calibrate"),
    message:
        "Calibration set of {wildcards.model}"
    script:
        "../../scripts/calibrate.py"
