"""See which models work on which backends, and write the matrix as a page.

Every cell of the study CONFIG is exported, built, run and judged against eager fp32; nothing is timed. The page says
which cells work, and why the others do not. A second run makes only what is missing, stale or failed, as with every
study. `make coverage` does this for studies/zoo.yaml.

    python -m bakeoff coverage studies/zoo.yaml --cores 2
"""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from bakeoff.artifacts.accuracy import AccuracyRecord, ReferenceRecord
from bakeoff.artifacts.base import Record
from bakeoff.artifacts.build import BuildRecord, ExportRecord
from bakeoff.artifacts.environment import EnvironmentRecord
from bakeoff.artifacts.io import read_record, write_text
from bakeoff.backends.base import Request
from bakeoff.config.load import load_study
from bakeoff.core.cell import Cell
from bakeoff.core.errors import BakeoffError
from bakeoff.core.machine import Machine
from bakeoff.report.markdown_text import escape, escape_cell
from bakeoff.study.jobs import Job, StudyJobs, export_job, reference_of
from bakeoff.study.plan import Plan
from bakeoff.tools.docs import full_machines

_CHECKOUT = Path(__file__).parents[3]
_MACHINE = "this machine"
_LIMITS = {"ModelError": "model", "UselessReferenceError": "model", "ExportError": "exporter",
           "BuildError": "backend", "EngineError": "backend", "MemoryError": _MACHINE,
           "timeout": _MACHINE, "signal SIGKILL": _MACHINE}  # fmt: skip
"""Whose limit an error is, by the type that its record names. A crash of the process is that of the library the stage
calls; any other exception is one that Bakeoff should have foreseen."""


@dataclass(frozen=True)
class Problem:
    """Why a cell does not work."""

    step: str
    """What it does not get through: `reference`, `export`, `build`, `run` or `accuracy`."""
    limit: str
    """Whose limit that is: `model`, `exporter`, `backend`, `this machine` or `Bakeoff`."""
    reason: str
    """In one line, the model's name left out, so that cells of the same problem have the same one."""


@dataclass(frozen=True)
class Outcome:
    """What became of one cell."""

    model: str
    backend: str
    """The column: the backend's label, with the precision and the batch size where the study has several."""
    relative_l2: float | None = None
    """Of an engine that ran, over all batch sizes it serves the worst; None where its outputs could not be compared."""
    problem: Problem | None = None
    """None for a cell that works and passes the accuracy check."""
    builds: bool = False
    """Whether an engine was built."""


@dataclass(frozen=True)
class Coverage:
    """All that the page shows."""

    study: str
    """Path of the study's config file."""
    batch: str
    """The batch sizes, in words."""
    tolerance: str
    outcomes: list[Outcome]
    environment: EnvironmentRecord
    library: dict[str, str]
    """Versions of all distributions that took part."""
    weights: str
    """Where the models' weights come from, in words."""
    parameters: dict[str, int | None]
    """Number of parameters of each model; None where it could not be made."""
    made: str
    """Date, ISO 8601."""


def read_coverage(config: str) -> Coverage:
    """Read the records of a study whose engines were all built and judged. Raises BakeoffError where one is missing."""
    study = load_study(config)
    jobs = StudyJobs(Plan(study, Machine.detect()))
    plan = jobs.plan
    environment = read_record(plan.paths.environment, EnvironmentRecord)
    exports = [read_record(jobs.record(export_job(export)), ExportRecord) for export in plan.exports]
    references = {
        model: read_record(jobs.record(Job("reference", Cell(model=model))), ReferenceRecord) for model in study.models
    }
    library = dict(environment.library)
    for record in exports:
        library |= record.library
    precisions = dict.fromkeys(t.cell.need("precision") for t in plan.targets)
    limits = {p: study.accuracy.tolerance_of(p).model_dump(exclude_none=True) for p in precisions}
    cells = dict.fromkeys((target.engine, target.cannot_build, target.cannot_run) for target in plan.targets)
    return Coverage(
        study=config,
        batch=f"{', '.join(map(str, study.batch.sizes))} ({_engines_in_words(plan)})",
        tolerance="; ".join(f"{p}: {', '.join(f'{k} {v:g}' for k, v in of.items())}" for p, of in limits.items()),
        outcomes=[_outcome(jobs, engine, *cannot) for engine, *cannot in cells],
        environment=environment,
        library=library,
        weights="; ".join(dict.fromkeys(record.weights for record in references.values() if record.weights)),
        parameters={model: record.parameters for model, record in references.items()},
        made=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def _engines_in_words(plan: Plan) -> str:
    fixed = {engine.batch_size is not None for engine in plan.engines}
    if fixed == {True, False}:
        return "one engine with a dynamic batch dimension, but an engine for each where a column names it"
    return "an engine for each" if True in fixed else "one engine with a dynamic batch dimension"


def _outcome(jobs: StudyJobs, engine: Cell, cannot_build: str | None, cannot_run: str | None) -> Outcome:
    model, backend = engine.need("model"), _column(jobs.plan, engine)
    if cannot_build:
        return Outcome(model, backend, problem=Problem("build", _limit_of_plan(jobs.plan, engine), cannot_build))
    export = jobs.plan.export_of(engine)
    steps: dict[str, Record] = {"reference": read_record(jobs.record(reference_of(engine)), ReferenceRecord)}
    if export:
        steps["export"] = read_record(jobs.record(export_job(export)), ExportRecord)
    steps["build"] = read_record(jobs.record(Job("build", engine)), BuildRecord)
    stopped = _first_failure(steps, model)
    if stopped:
        return Outcome(model, backend, problem=stopped)
    if cannot_run:
        return Outcome(model, backend, problem=Problem("run", _MACHINE, cannot_run), builds=True)
    accuracy = read_record(jobs.record(Job("verify", engine)), AccuracyRecord)
    problem = _first_failure({"run": accuracy}, model)
    if problem is None and not accuracy.passed:
        problem = Problem("accuracy", "backend", "; ".join(accuracy.failures))
    return Outcome(model, backend, accuracy.relative_l2, problem, builds=True)


def _limit_of_plan(plan: Plan, engine: Cell) -> str:
    """Whether a machine that lacks nothing could build what the plan leaves out."""
    backend, source = plan.backends[engine.need("backend")], plan.study.models[engine.need("model")].source
    precision = engine.need("precision")
    requests = [Request(precision, device, source, machine) for device, machine in full_machines().values()]
    return _MACHINE if any(backend.cannot_make(request) is None for request in requests) else "backend"


def _first_failure(steps: dict[str, Record], model: str) -> Problem | None:
    for step, record in steps.items():
        if not record.ok:
            kind, reason = record.error_type or "", record.reason or "no reason was recorded"
            of_step = {"reference": "model", "export": "exporter"}.get(step, "backend")
            limit = _LIMITS.get(kind) or (of_step if kind.startswith("signal ") else "Bakeoff")
            reason = reason.replace(f"models.{model} ", "the model ").replace(f"/{model}/", "/<model>/")
            return Problem(step, limit, reason)
    return None


def _column(plan: Plan, engine: Cell) -> str:
    several = len({target.cell.precision for target in plan.targets}) > 1
    batch = f"batch {engine.batch_size}" if engine.batch_size and len(plan.study.batch.sizes) > 1 else None
    return " ".join(filter(None, [engine.backend, engine.precision if several else None, batch]))


def coverage_page(coverage: Coverage) -> str:
    """The matrix, and below it each problem once, with the cells that have it."""
    outcomes = coverage.outcomes
    columns = list(dict.fromkeys(outcome.backend for outcome in outcomes))
    problems = list(dict.fromkeys(outcome.problem for outcome in outcomes if outcome.problem))
    numbers = {problem: number for number, problem in enumerate(problems, 1)}
    by_cell = {(outcome.model, outcome.backend): outcome for outcome in outcomes}
    rows = [
        [
            escape_cell(model),
            "–" if count is None else f"{count:,}",
            *(_cell(by_cell.get((model, column)), numbers) for column in columns),
        ]
        for model, count in coverage.parameters.items()
    ]
    rows.append(["**works**", "", *(_count([o for o in outcomes if o.backend == column]) for column in columns)])
    parts = [
        "# Coverage: which models work on which backends",
        f"<!-- Made by `python -m bakeoff coverage {coverage.study}` (`make coverage`); do not edit. -->",
        f"Every model of `{coverage.study}` on every backend of it: exported, built, run, and its outputs "
        "judged against eager fp32 on the same inputs. "
        f"{_summary(outcomes)} Nothing here is a speed.",
        "\n".join(f"- **{name}:** {escape(words)}" for name, words in _facts(coverage)),
        "A figure is the relative L2 error of a cell that works and passes (0: bit-identical outputs); "
        "`builds`: the engine was built, but cannot be run here; ✗: it does not work, and the number says why.",
        _table(["model", "parameters", *columns], rows),
    ]
    if problems:
        cells = {p: [o for o in outcomes if o.problem == p] for p in problems}
        listed = [
            [str(n), _models(cells[p], list(coverage.parameters)), p.step, p.limit, escape_cell(p.reason)]
            for p, n in numbers.items()
        ]
        parts += [
            "## What does not work, and whose limit that is",
            _table(["", "cells", "step", "limit of", "reason"], listed),
        ]
    return "\n\n".join(parts) + "\n"


def _count(outcomes: Sequence[Outcome]) -> str:
    """How many cells of a column work; where none does, how many at least build."""
    works, builds = sum(o.problem is None for o in outcomes), sum(o.builds for o in outcomes)
    return f"**{works} of {len(outcomes)}**" if works or not builds else f"builds {builds} of {len(outcomes)}"


def _summary(outcomes: Sequence[Outcome]) -> str:
    works = sum(o.problem is None for o in outcomes)
    builds = sum(o.builds and o.problem is not None and o.problem.limit == _MACHINE for o in outcomes)
    return (
        f"Of {len(outcomes)} cells {works} work and pass, {builds} build but cannot be run on the machine below, "
        f"{len(outcomes) - works - builds} fail."
    )


def _facts(coverage: Coverage) -> list[tuple[str, str]]:
    environment = coverage.environment
    memory = f", {environment.memory_bytes / 2**30:.0f} GiB" if environment.memory_bytes else ""
    return [
        ("Made", f"{coverage.made}, on {environment.fingerprint}{memory}; {environment.os}"),
        ("Versions", f"Python {environment.python}, {', '.join(f'{k} {v}' for k, v in coverage.library.items())}"),
        ("Weights", coverage.weights),
        ("Batch sizes", coverage.batch),
        ("Tolerance", coverage.tolerance),
    ]


def _cell(outcome: Outcome | None, numbers: dict[Problem, int]) -> str:
    if outcome is None:  # a backend that is compared on other models only
        return "–"
    error = None if outcome.relative_l2 is None else f"{outcome.relative_l2:.1e}" if outcome.relative_l2 else "0"
    if outcome.problem is None:
        return error or "passes"
    note = f"({numbers[outcome.problem]})"
    if outcome.problem.step == "accuracy":
        return " ".join(filter(None, [error, "✗", note]))
    return f"builds {note}" if outcome.builds and outcome.problem.limit == _MACHINE else f"✗ {note}"


def _models(outcomes: Sequence[Outcome], all_models: list[str]) -> str:
    """The cells of one problem, by backend."""
    by_backend: dict[str, list[str]] = {}
    for outcome in outcomes:
        by_backend.setdefault(outcome.backend, []).append(outcome.model)
    return "; ".join(
        f"{escape(backend)}: {'all' if models == all_models else escape(', '.join(models))}"
        for backend, models in by_backend.items()
    )


def _table(heads: list[str], rows: Iterable[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def verify_all(config: str, cores: int) -> None:
    """Build and judge every cell of the study, with Snakemake. Raises BakeoffError where the run itself ends early."""
    snakefile = _CHECKOUT / "Snakefile"
    if not snakefile.exists():
        raise BakeoffError(f"{snakefile} is missing; coverage runs the workflow, so run it from a checkout of Bakeoff")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "--cores", str(cores),
               "verified", "--quiet", "rules", "host", "--configfile", config]  # fmt: skip
    status = subprocess.run(command, check=False).returncode
    if status:
        raise BakeoffError(f"the run of {config} ended with status {status}; what it printed above says why")


@click.command()
@click.argument("config")
@click.option("--cores", type=click.IntRange(min=1), default=1, show_default=True, help="Jobs at the same time.")
@click.option("--out", type=click.Path(dir_okay=False, writable=True), default="docs/coverage.md", show_default=True,
              help="The page to write.")  # fmt: skip
def command(config: str, cores: int, out: str) -> None:
    """Run what is missing and write the page; its path is said on stderr."""
    load_study(config)  # a mistake is told before Snakemake starts
    verify_all(config, cores)
    page = coverage_page(read_coverage(config))
    try:
        write_text(out, page)
    except OSError as error:
        raise BakeoffError(f"{out}: cannot be written ({error.strerror})") from None
    click.echo(f"\n{os.path.abspath(out)}", err=True)
