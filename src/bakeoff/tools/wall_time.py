"""Says where the wall time of a study's latest run went: `python -m bakeoff.tools.wall_time results/<study>`.

Covered is the time in which at least one export, build, measurement (first inference, warm-up, timing, throughput,
device time, transfers), accuracy check or profile was under way, as the union of the intervals that the jobs' processes
told. The rest is overhead: starts of processes, imports, loading engines, references, Snakemake, waiting.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bakeoff.core.errors import BakeoffError
from bakeoff.supervision.progress import Progress

COVERED = ("export", "build", "timing", "accuracy", "profile")
"""What a study is for; names that jobs give to `bakeoff.core.job_messages.under_way`."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class WallTime:
    """The account of one run, in seconds."""

    wall_s: float
    """From the start of the Snakemake process to the end of the run (to the last job, where it was ended early)."""
    under_way_s: dict[str, float]
    """Time in which at least one of a kind was under way, by kind; kinds overlap."""
    covered_s: float

    @property
    def share_of_overhead(self) -> float:
        """The share of the wall time in which nothing of `COVERED` was under way."""
        return 1 - self.covered_s / self.wall_s


def wall_time(results: str | Path) -> WallTime:
    """The account of the latest run of the study in this folder. Raises BakeoffError where no run is noted there."""
    progress = Progress(results)
    run, jobs = progress.run_noted(), progress.jobs_done()
    if not run or "begin" not in run or not jobs:
        raise BakeoffError(f"{results} holds no account of a run; give the folder of a study that ran: results/<study>")
    intervals: dict[str, list[Interval]] = {}
    for job in jobs:
        for what, begin, end in job.get("parts", []):
            intervals.setdefault(what, []).append((begin, end))
        if job["stage"] in ("reference", "environment"):
            intervals.setdefault(job["stage"], []).append((job["begin"], job["end"]))
    end = run.get("end") or max(job["end"] for job in jobs)
    return WallTime(
        wall_s=end - run["begin"],
        under_way_s={what: union_s(of_kind) for what, of_kind in intervals.items()},
        covered_s=union_s(interval for what in COVERED for interval in intervals.get(what, [])),
    )


def union_s(intervals: Iterable[Interval]) -> float:
    """Length of the union of intervals (begin, end)."""
    total, until = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def main(results: str) -> int:
    """Print the account. Returns the exit status."""
    try:
        account = wall_time(results)
    except BakeoffError as error:
        print(error, file=sys.stderr)
        return 1
    others = [what for what in account.under_way_s if what not in COVERED]
    print(f"{'wall time of the run':<40}{account.wall_s:>10.1f} s")
    for what in COVERED:
        print(f"{f'  {what} under way':<40}{account.under_way_s.get(what, 0):>10.1f} s")
    print(f"{'any of these under way':<40}{account.covered_s:>10.1f} s")
    overhead_s = account.wall_s - account.covered_s
    print(f"{'none of these (overhead)':<40}{overhead_s:>10.1f} s   {100 * account.share_of_overhead:.1f} %")
    for what in sorted(others):
        print(f"{f'  {what} under way, beside those or not':<40}{account.under_way_s[what]:>10.1f} s")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m bakeoff.tools.wall_time results/<study>")
    sys.exit(main(sys.argv[1]))
