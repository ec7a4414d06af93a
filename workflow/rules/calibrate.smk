# The inputs that quantizers look at, once for all int8 engines of a model.
rule calibrate:
    output:
        f"{CALIBRATION}/calibration.json",
    log:
        PATHS.log("{model}", "calibration"),
    priority: 85
    conda:
        "../../envs/bakeoff.yaml"
    resources:
        limit_s=STAGING.limit_s("calibrate"),
    params:
        **STAGING.tracked("calibrate"),
        attempt=attempt(f"{CALIBRATION}/calibration.json"),
    message:
        "Calibration set of {wildcards.model}"
    script:
        "../../scripts/calibrate.py"
