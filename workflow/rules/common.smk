from pathlib import Path

from bakeoff.exports import FORMATS
from bakeoff.jobs.progress import Progress
from bakeoff.precision import PRECISIONS
from bakeoff.provenance import code_digest


# What all rules share: labels become folder names, so wildcards are what labels may be.
wildcard_constraints:
    model=r"[A-Za-z0-9_-][A-Za-z0-9._-]*",
    backend=r"[A-Za-z0-9_-][A-Za-z0-9._-]*",
    format="|".join(FORMATS),
    precision="|".join(PRECISIONS),
    batch=r"\d+",
    round=r"\d+",


def attempt(pattern):
    """The tracked parameter that makes the next run retry what failed (see docs/failures.md)."""
    return lambda wildcards: STAGING.attempt(pattern.format(**dict(wildcards.items())))


# Folders as patterns over wildcards.
REFERENCE = PATHS.reference("{model}")
CALIBRATION = PATHS.calibration("{model}")
EXPORT = PATHS.export("{model}", "{format}", "{precision}", STAGING.batch_folder)
ENGINE = PATHS.engine("{model}", "{backend}", "{precision}", STAGING.batch_folder)
TARGET = PATHS.target("{model}", "{backend}", "{precision}", "{batch}")
ROUND = f"{TARGET}/round{{round}}"


def start_progress():
    """Note which jobs this run is going to do, so that each can say how much is left."""
    timing, profile = STUDY.timing, STUDY.profile
    overhead_s = 3
    guess_s = {
        "time": overhead_s + STUDY.warmup.min_s + timing.max_s + timing.throughput_s,
        "profile": overhead_s + profile.max_s / 2,
    }
    Path(PATHS.log("verdict")).unlink(missing_ok=True)
    jobs = [job.rule.name for job in workflow.dag.needrun_jobs()]
    Progress(PATHS.results).begin(jobs, guess_s, workflow.cores)


def last_words():
    """Print how the study ended, as the verdict of this run left it, below all that Snakemake prints."""
    words = Path(PATHS.log("verdict"))
    if words.exists() and "BAKEOFF_NO_LAST_WORDS" not in os.environ:
        sys.stderr.write(f"\n{words.read_text()}\n")
