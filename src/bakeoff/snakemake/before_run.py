"""What happens before Snakemake plans a run: the study is locked, leftovers go, what cannot be trusted is forced."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bakeoff.artifacts.io import TEMPORARY
from bakeoff.artifacts.stages import RECORD_FILES
from bakeoff.freshness.distrust import distrusted
from bakeoff.freshness.ledger import Ledger
from bakeoff.freshness.working_folder import home, make_home
from bakeoff.study.job_parameters import Staging
from bakeoff.supervision.run_lock import RunUnderWayError, lock_run, run_under_way

_MOST_LINES = 20
"""Records named one by one; of more, their number is told."""
_REPORT = ("plots", "index.html", "report.md")


def before_runs(workflow: Any, staging: Staging) -> None:
    """Have this done when Snakemake is about to plan a run, and in part for a dry one; nothing for what only looks.

    Snakemake has no hook here: when the Snakefile is read it is not known what for, and `onstart` comes after
    Snakemake's own lock, which a killed run leaves behind: Bakeoff's takes its place.
    """
    prepare = workflow._prepare_dag

    def prepare_guarded(*args: Any, **settings: Any) -> None:
        if workflow.executor_plugin is None:  # no run: --summary, --dag, --report and the like
            prepare(*args, **settings)
            return
        results = staging.paths.results
        under_way = run_under_way(results) if workflow.dryrun else None
        if not workflow.dryrun:
            try:
                lock_run(results)
            except RunUnderWayError as error:
                sys.exit(f"bakeoff: {error}")
            _clear_up(results)
            make_home()
            settings["nolock"] = True
        prepare(*args, **settings)
        if under_way:
            _say(f"{under_way}; what it has not done yet is shown as to be done")
        else:
            workflow.dag.forcefiles.update(_to_force(workflow, staging))

    workflow._prepare_dag = prepare_guarded


def _to_force(workflow: Any, staging: Staging) -> list[str]:
    """Files that are to be made anew although Snakemake takes them to be as they should; says why."""
    stages = {name: stage for stage, name in RECORD_FILES.items()}

    def params_of(record: str) -> Mapping[str, Any]:
        stage = stages.get(Path(record).name)
        if stage is None:
            return {}
        wildcards = workflow.get_rule(stage).output[0].match(record).groupdict()
        return staging.params(stage, SimpleNamespace(**wildcards))

    paths = staging.paths
    records = [*staging.jobs_records(), paths.collected]
    refresh = not workflow.dryrun
    reasons = distrusted(records, paths.results, Ledger(paths.ledger), home(), params_of, refresh)
    if os.path.exists(paths.collected):
        made = [f"{paths.report}/{name}" for name in _REPORT]
        reasons |= {file: "it is missing" for file in made if not os.path.exists(file)}
    for record, why in list(reasons.items())[:_MOST_LINES]:
        _say(f"{record} is made anew: {why}")
    if len(reasons) > _MOST_LINES:
        _say(f"... and {len(reasons) - _MOST_LINES} more records are made anew")
    return list(reasons)


def _clear_up(results: str) -> None:
    """Remove what killed jobs were writing."""
    begin, end = TEMPORARY
    for folder, folders, files in os.walk(results):
        left = [name for name in (*files, *folders) if name.startswith(begin) and name.endswith(end)]
        for name in left:
            path = os.path.join(folder, name)
            shutil.rmtree(path) if name in folders else os.unlink(path)
        folders[:] = [name for name in folders if name not in left]


def _say(words: str) -> None:
    sys.stderr.write(f"[bakeoff] {words}\n")
