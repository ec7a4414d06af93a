"""How Bakeoff bears a study of thousands of targets: `make bench-scale`, or `tests/scale/bench.py --targets 200`.

Prints a table of figures. It is no test: what is slow here depends on the machine, and on what else runs on it.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.scale.study import PLUGINS, null_study  # noqa: E402

Row = tuple[str, str, str]
"""What, how much, the limit."""


def main() -> None:
    """Run it all in a folder of its own and print the table."""
    parser = argparse.ArgumentParser(description="Measure planning, no-op run, collecting and report of a large study.")
    parser.add_argument("--targets", type=int, default=2000, help="a multiple of 100")
    parser.add_argument("--cores", type=int, default=2, help="cores that Snakemake may use")
    parser.add_argument("--folder", type=Path, help="folder to work in and to keep; a temporary one by default")
    arguments = parser.parse_args()
    # found by Snakemake, by its jobs and by what this process imports from now on
    os.environ["BAKEOFF_BACKENDS"] = str(PLUGINS)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory(prefix="bakeoff-scale-") as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        os.chdir(folder)
        rows = list(measure(arguments.targets, arguments.cores))
    print("\n".join([*machine(arguments.cores), "", *table(rows)]))


def measure(targets: int, cores: int) -> Iterator[Row]:
    """Every figure, in the order in which a study goes."""
    write_study(targets)
    say("planning a study of which nothing is there yet")
    seconds, output = snakemake(cores, "-n")
    yield "jobs of the study", f"{total_jobs(output):,}", ""
    yield "planning (`snakemake -n report`)", f"{seconds:.1f} s", "30 s"
    say("running its jobs in one process (minutes)")
    begin = time.perf_counter()
    run(sys.executable, "-m", "tests.scale.make_results", "study.yaml")
    yield "its jobs, run in one process", f"{time.perf_counter() - begin:.0f} s", ""
    say("letting Snakemake note them")
    run(sys.executable, str(ROOT / "tests/scale/remember.py"), "study.yaml")
    say("collecting and reporting")
    seconds, output = snakemake(cores)
    assert "time " not in jobs_table(output), "Snakemake does not take the records for up to date"
    stages = stage_seconds(output)
    yield "`snakemake report` with all records there", f"{seconds:.1f} s", ""
    yield "of that, from the first job to the last", f"{stages.pop('all'):.0f} s", "60 s"
    for stage, took in stages.items():
        yield f"{stage}", f"{took:.0f} s", ""
    say("running again, nothing to do")
    seconds, output = snakemake(cores)
    assert "Nothing to be done" in output, output[-3000:]
    yield "run with nothing to do", f"{seconds:.1f} s", "20 s"
    say("planning after a change of a timing option")
    write_study(targets, throughput_s=0.002)
    _, output = snakemake(cores, "-n")
    yield "timing jobs that a timing option reruns", re.findall(r"^time +(\d+)$", jobs_table(output), re.M)[0], "all"
    html = Path("reports/scale/index.html")
    yield "size of index.html", f"{html.stat().st_size / 1e6:.1f} MB", "8 MB"
    yield from browser(html)


def write_study(targets: int, **timing: float) -> None:
    """The study's config, with other timing options where given."""
    import yaml

    study = null_study(targets)
    study["timing"] |= timing
    Path("study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))


def snakemake(cores: int, *arguments: str) -> tuple[float, str]:
    """Seconds that `snakemake report` took, and what it printed."""
    begin = time.perf_counter()
    command = ["--snakefile", str(ROOT / "Snakefile"), "--cores", str(cores), *arguments, "report"]
    output = run(sys.executable, "-m", "snakemake", *command, "--configfile", "study.yaml")
    return time.perf_counter() - begin, output


def run(*command: str) -> str:
    """What a command printed. Ends with its last words where it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def jobs_table(output: str) -> str:
    """Snakemake's table of jobs by rule."""
    return (re.search(r"^Job stats:\n(.*?^total.*?)$", output, re.M | re.S) or ["", ""])[1]


def total_jobs(output: str) -> int:
    """How many jobs Snakemake plans."""
    return int(re.findall(r"^total +(\d+)", jobs_table(output), re.M)[0])


def stage_seconds(output: str) -> dict[str, float]:
    """Seconds of each job by its rule, and of all (`all`), from the times that Snakemake prints (whole seconds)."""
    at, begun, found = datetime.min, {}, {}
    for line in output.splitlines():
        if stamp := re.fullmatch(r"\[(.*\d{4})\]", line):
            at = datetime.strptime(stamp[1], "%c")
        elif job := re.match(r"Job (\d+): ", line):
            begun[job[1]] = at
        elif (job := re.match(r"Finished jobid: (\d+) \(Rule: (\w+)\)", line)) and job[1] in begun:
            found[job[2]] = (at - begun[job[1]]).total_seconds()
            last = at
    return {"all": (last - min(begun.values())).total_seconds(), **found}


def browser(html: Path) -> Iterator[Row]:
    """Seconds to open the page and to sort its table, as the page itself sees them."""
    import shutil

    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        yield "sorting in the browser", "no Chromium here", "1 s"
        return
    # two frames later the browser has painted what the click did
    sort = """button => new Promise(done => {
        const begin = performance.now();
        button.click();
        requestAnimationFrame(() => requestAnimationFrame(() => done((performance.now() - begin) / 1000)));
    })"""
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        begin = time.perf_counter()
        page.goto(html.resolve().as_uri())
        page.wait_for_function("document.querySelector('#comparison-table thead button') !== null")
        yield "opening the page", f"{time.perf_counter() - begin:.1f} s", ""
        heading = page.locator("#comparison-table thead th button", has_text="Median latency")
        first = heading.evaluate(sort)
        others = [heading.evaluate(sort) for _ in range(6)]
        yield "sorting by time, first click", f"{first:.2f} s", "1 s"
        yield "sorting again (median of 6 clicks)", f"{statistics.median(others):.2f} s", "1 s"
        rest = page.locator("#rest button")
        if rest.is_visible():
            rest.click()
            yield "sorting with all rows shown", f"{heading.evaluate(sort):.2f} s", ""
        chromium.close()


def machine(cores: int) -> list[str]:
    """What the figures were measured on."""
    from importlib.metadata import version

    from bakeoff.core.machine import Machine

    here = Machine.detect()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    python = sys.version.split()[0]
    return [
        f"{here.cpu}, {here.cores} cores ({cores} given to Snakemake); load average {load} at the end",
        f"Python {python}, Snakemake {version('snakemake')}, {time.strftime('%Y-%m-%d %H:%M')}",
    ]


def table(rows: list[Row]) -> list[str]:
    """The figures as a Markdown table."""
    return ["| what | figure | limit |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]


def say(words: str) -> None:
    """What is being done, since it takes minutes."""
    print(f"[{time.strftime('%H:%M:%S')}] {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
