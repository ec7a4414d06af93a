"""Says what runs, how much is left and about how long it will take, one line at a time on stderr."""

from __future__ import annotations

import contextlib
import fcntl
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bakeoff.artifacts.io import write_text
from bakeoff.artifacts.stages import RECORDS

_FIRST_GUESS_S = {"environment": 8.0, "reference": 15.0, "export": 15.0, "build": 8.0, "verify": 5.0}


class Progress:
    """The progress of a run, kept in a small folder beside the results."""

    def __init__(self, results: str | Path) -> None:
        self.folder = Path(results) / ".progress"

    def begin(
        self, jobs: Iterable[str], guess_s: Mapping[str, float], at_once: Mapping[str, float], cores: int
    ) -> None:
        """Note at the start of a run, in its own process, which jobs (rule names) it is going to do.

        Args:
            jobs: Rule name of each job.
            guess_s: First guesses of a job's duration by stage, used until a job of the stage is done.
            at_once: How many jobs of a stage run side by side, where not one a core.
            cores: Cores of the run.
        """
        import psutil

        counts = Counter(job for job in jobs if job in RECORDS)
        past = self._mean_s()
        guesses = {**_FIRST_GUESS_S, **guess_s, **past}
        run = {"jobs": counts, "guess_s": guesses, "at_once": {**at_once}, "cores": cores}
        self._note({**run, "begin": psutil.Process().create_time()})
        write_text(self.folder / "done.jsonl", "")

    def add(self, stage: str, count: int) -> None:
        """Note jobs that were decided on while the run is under way."""
        run = self.run_noted()
        if run and count:
            self._note({**run, "jobs": {**run["jobs"], stage: run["jobs"].get(stage, 0) + count}})

    def end(self) -> None:
        """Note that the run is over."""
        run = self.run_noted()
        if run:
            self._note({**run, "end": time.time()})

    def start(self, _stage: str, words: str) -> None:
        """Say what starts."""
        self.say(f"{words}{self._left()}")

    def finish(
        self, stage: str, wall_s: float | None, begin: float | None = None, under_way: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        """Note that a job is done.

        Args:
            stage: Its rule's name.
            wall_s: Seconds that it took, waiting for a device left out.
            begin: When it began (Unix time).
            under_way: What its process told of its parts: `what`, `begin` and `end` (Unix time).
        """
        parts = [[part["what"], part["begin"], part["end"]] for part in under_way]
        entry = {"stage": stage, "wall_s": wall_s, "begin": begin, "end": time.time(), "parts": parts}
        if self.folder.is_dir():
            with self._locked(), open(self.folder / "done.jsonl", "a") as done:
                done.write(json.dumps(entry) + "\n")

    def say(self, words: str) -> None:
        """One line, written at once so that lines of parallel jobs do not mix."""
        sys.stderr.write(f"[bakeoff {time.strftime('%H:%M:%S')}] {words}\n")
        sys.stderr.flush()

    def remaining(self) -> tuple[int, int, float] | None:
        """(jobs done, jobs in all, seconds to go) of the run; None where no run is noted."""
        run = self.run_noted()
        if run is None:
            return None
        done = self.jobs_done()
        finished = Counter(entry["stage"] for entry in done)
        guesses = {**run["guess_s"], **self._mean_s()}
        to_go_s = 0.0
        for stage, count in run["jobs"].items():
            left = max(0, count - finished[stage])
            at_once = run["at_once"].get(stage, run["cores"])
            to_go_s += left * guesses.get(stage, 5.0) / max(1, at_once)
        return sum(finished.values()), sum(run["jobs"].values()), to_go_s

    def _left(self) -> str:
        state = self.remaining()
        if not state or not state[1]:
            return ""
        done, total, to_go_s = state
        return f"   ({min(done + 1, total)} of {total}, about {_duration(to_go_s)} to go)"

    def _mean_s(self) -> dict[str, float]:
        walls: dict[str, list[float]] = {}
        for entry in self.jobs_done():
            if entry["wall_s"]:
                walls.setdefault(entry["stage"], []).append(entry["wall_s"])
        return {stage: sum(values) / len(values) for stage, values in walls.items()}

    def run_noted(self) -> dict[str, Any] | None:
        """What is noted of the latest run: `begin` and, once it is over, `end` (Unix time), and its jobs."""
        try:
            run: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
        except (OSError, ValueError):
            return None
        return run

    def _note(self, run: Mapping[str, Any]) -> None:
        write_text(self.folder / "run.json", json.dumps(run))

    def jobs_done(self) -> list[dict[str, Any]]:
        """What is noted of each job of the run that is done; see `finish`."""
        try:
            lines = (self.folder / "done.jsonl").read_text().splitlines()
        except OSError:
            return []
        entries = []
        for line in lines:
            with contextlib.suppress(ValueError):  # a line that a killed job left half written
                entries.append(json.loads(line))
        return entries

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self.folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
