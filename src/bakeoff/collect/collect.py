"""All records of a study to one file, collected.json: the report is a function of that file alone."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from bakeoff.artifacts.accuracy import ReferenceRecord
from bakeoff.artifacts.collected import BackendSummary, Collected, Interval, TargetResult
from bakeoff.artifacts.environment import EnvironmentRecord
from bakeoff.artifacts.plan import PlannedTarget
from bakeoff.backends import make_backend
from bakeoff.backends.options import BackendOptions
from bakeoff.collect.answers import answers
from bakeoff.collect.dynamic_cost import dynamic_costs
from bakeoff.collect.noise import items_per_s, noise_of, noise_of_throughput, not_paired
from bakeoff.collect.published import published_ratios
from bakeoff.collect.records import Reader
from bakeoff.collect.result import read_targets, target_result
from bakeoff.collect.warnings.codes import in_order
from bakeoff.config.study import Study
from bakeoff.core.cell import Cell
from bakeoff.core.paths import StudyPaths
from bakeoff.limits.share import set_limit
from bakeoff.study.further_rounds import further_rounds


def collect(study: Study, targets: Sequence[PlannedTarget]) -> Collected:
    """Collect the results of a study. A record that is missing or damaged makes its target failed, never an error.

    Args:
        study: The study as it was run.
        targets: Every planned target, in the order of the report.
    """
    reader, paths = Reader(), StudyPaths(study.study)
    whole = Cell(study=study.study)
    read = read_targets(reader, study, targets, further_rounds(study))
    noise, rates = noise_of(read), noise_of_throughput(read)
    timed = {records.planned.cell for records in read if records.timed}
    references = {
        Cell(backend=label, precision=precision).label: {"backend": label, "precision": precision}
        for label, precision in study.speedup_references()
    }
    baseline = next(iter(references))

    def speedups(cell: Cell) -> dict[str, Interval]:
        others = {name: cell.at(**contender) for name, contender in references.items()}
        return {name: noise.ratio(other, cell) for name, other in others.items() if cell in timed and other in timed}

    found = reader.read(paths.environment, EnvironmentRecord, whole)
    models = {
        model: reader.read(f"{paths.reference(model)}/reference.json", ReferenceRecord, whole.at(model=model))
        for model in study.models
    }
    results = [
        target_result(
            records,
            noise.latency_ms(records.planned.cell) if records.timed else None,
            items_per_s(rates, records) if records.timed else None,
            speedups(records.planned.cell),
            baseline,
        )
        for records in read
    ]
    works = {model: reference.work for model, reference in models.items()}
    for result in results:
        set_limit(result.row, works.get(result.row.model), found.limits)

    unpaired = not_paired(timed, noise)
    for result in results:
        if result.row.cell in unpaired:
            result.row.warnings = in_order({*result.row.warnings, "unpaired"})

    def ratio(above: TargetResult, below: TargetResult, of_many: int = 2) -> Interval:
        return noise.ratio(above.row.cell, below.row.cell, of_many)

    succeeded = any(result.row.status == "ok" for result in results)
    return Collected(
        target=whole,
        status="ok" if succeeded else "failed",
        reason=None if succeeded else "not one target of the study could be timed",
        error_type=None if succeeded else "nothing succeeded",
        title=study.report.title or study.study,
        baseline=baseline,
        speedup_against=list(references),
        environment=found,
        settings=study.model_dump(mode="json"),
        models=models,
        backends={label: _summary(options) for label, options in study.backends.items()},
        answers=answers(results, baseline, ratio, study.margin),
        dynamic_costs=dynamic_costs(study, results, ratio),
        published=published_ratios(study, timed, noise.ratio),
        targets=results,
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _summary(options: BackendOptions) -> BackendSummary:
    backend = make_backend(options)
    return BackendSummary(kind=backend.kind, summary=backend.summary, options=options.model_dump(mode="json"))
