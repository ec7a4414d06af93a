import gc
from pathlib import Path

from bakeoff.exports import FORMATS
from bakeoff.devices.locks import STARTED_PER_GPU
from bakeoff.supervision.progress import Progress
from bakeoff.core.precision import PRECISIONS
from bakeoff.freshness.code_digest import code_digest
from bakeoff.study.job_parameters import of_wildcards


# What all rules share: labels become folder names, so wildcards are what labels may be.
wildcard_constraints:
    model=r"[A-Za-z0-9_-][A-Za-z0-9._-]*",
    backend=r"[A-Za-z0-9_-][A-Za-z0-9._-]*",
    format="|".join(FORMATS),
    precision="|".join(PRECISIONS),
    batch=r"\d+",
    fixed=r"(?:/b\d+)?",
    round=r"\d+",


def attempt(pattern):
    """The tracked parameter that makes the next run retry what failed (see docs/failures.md)."""
    return of_wildcards(
        lambda wildcards: STAGING.attempt(pattern.format(**dict(wildcards.items())))
    )


# Folders as patterns over wildcards. Engines and exports of fixed batch size lie one folder deeper: `fixed` is that
# folder, or empty.
REFERENCE = PATHS.reference("{model}")
CALIBRATION = PATHS.calibration("{model}")
EXPORT = PATHS.export("{model}", "{format}", "{precision}") + "{fixed}"
ENGINE = PATHS.engine("{model}", "{backend}", "{precision}") + "{fixed}"
TARGET = PATHS.target("{model}", "{backend}", "{precision}", "{batch}")
ROUND = f"{TARGET}/round{{round}}"


# Measurements under way, unless --resources gpu=<n> says otherwise. One at a time has a GPU; the others start or wait.
if PLAN.gpus and "gpu" not in workflow.global_resources:
    workflow.register_resource(
        "gpu", min(STARTED_PER_GPU, len(PLAN.targets)) * len(PLAN.gpus)
    )


def cores_to_build(wildcards):
    """As many as the build keeps busy; see Staging.build_cores."""
    return STAGING.build_cores(wildcards.backend, workflow.cores)


def start_progress():
    """Note which jobs this run is going to do, so that each can say how much is left."""
    # off while the run was planned (bakeoff.snakemake.reading); what was planned stays
    gc.freeze()
    gc.enable()
    timing, profile = STUDY.timing, STUDY.profile
    overhead_s = 3
    guess_s = {
        "time": overhead_s + STUDY.warmup.min_s + timing.max_s + timing.throughput_s,
        "profile": overhead_s + profile.max_s / 2,
    }
    Path(PATHS.log("verdict")).unlink(missing_ok=True)
    jobs = [job.rule.name for job in workflow.dag.needrun_jobs()]
    measured = min(len(PLAN.gpus) or 1, workflow.cores)
    at_once = {
        "build": STAGING.builds_at_once(workflow.cores),
        "time": measured,
        "profile": measured,
    }
    Progress(PATHS.results).begin(jobs, guess_s, at_once, workflow.cores)


def last_words():
    """Print how the study ended, as the verdict of this run left it, below all that Snakemake prints."""
    Progress(PATHS.results).end()
    words = Path(PATHS.log("verdict"))
    if words.exists() and "BAKEOFF_NO_LAST_WORDS" not in os.environ:
        sys.stderr.write(f"\n{words.read_text()}\n")
