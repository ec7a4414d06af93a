"""Say where the wall time of a study's latest run went.

Covered is the time in which at least one export, build, measurement (first inference, warm-up, timing, throughput,
device time, transfers), accuracy check or profile was under way. It is the length of the union of the intervals that
the jobs' processes noted, so jobs that ran side by side count once. The rest is overhead: starts of processes, imports,
loading engines, making references, Snakemake, and waiting.

    python -m bakeoff wall-time results/quickstart
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from bakeoff.core.errors import BakeoffError
from bakeoff.supervision.progress import Progress
from bakeoff.tools._results import need_results

COVERED = ("export", "build", "timing", "accuracy", "profile")
"""The parts of a job that a study is for, by the names that jobs give to `bakeoff.core.job_messages.under_way`."""

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


@click.command()
@click.argument("results")
def command(results: str) -> None:
    """Print the account."""
    account = wall_time(need_results(results))
    others = [what for what in account.under_way_s if what not in COVERED]
    click.echo(f"{'wall time of the run':<40}{account.wall_s:>10.1f} s")
    for what in COVERED:
        click.echo(f"{f'  {what} under way':<40}{account.under_way_s.get(what, 0):>10.1f} s")
    click.echo(f"{'any of these under way':<40}{account.covered_s:>10.1f} s")
    overhead_s = account.wall_s - account.covered_s
    click.echo(f"{'none of these (overhead)':<40}{overhead_s:>10.1f} s   {100 * account.share_of_overhead:.1f} %")
    for what in sorted(others):
        click.echo(f"{f'  {what} under way, beside those or not':<40}{account.under_way_s[what]:>10.1f} s")
