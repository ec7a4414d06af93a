"""All records of a study to one file, collected.json: the report is a function of that file alone."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

from bakeoff.artifacts.accuracy import ReferenceRecord
from bakeoff.artifacts.collected import BackendSummary, Collected, Interval, TargetResult
from bakeoff.artifacts.environment import EnvironmentRecord
from bakeoff.backends import make_backend
from bakeoff.backends.options import BackendOptions
from bakeoff.collect.answers import answers
from bakeoff.collect.dynamic_cost import dynamic_costs
from bakeoff.collect.intervals import RoundNoise
from bakeoff.collect.peers import less_accurate
from bakeoff.collect.planned import PlannedTarget
from bakeoff.collect.records import Reader
from bakeoff.collect.result import TargetRecords, read_target, target_result
from bakeoff.collect.warnings.codes import in_order
from bakeoff.config.study import Study
from bakeoff.core.cell import Cell
from bakeoff.limits.share import set_limit

Key = tuple[str, int, str]
"""Model, batch size, `label/precision`."""


def collect(
    study: Study, targets: Sequence[PlannedTarget], environment: str, references: Mapping[str, str]
) -> Collected:
    """Collect the results of a study. A record that is missing or damaged makes its target failed, never an error.

    Args:
        study: The study as it was run.
        targets: Every planned cell, in the order of the report.
        environment: Path of environment.json.
        references: Path of reference.json for each model.
    """
    reader = Reader()
    target = Cell(study=study.study)
    read = [read_target(reader, study.study, planned) for planned in targets]
    noise = RoundNoise({_key(records): records.latencies() for records in read if records.timed})
    timed = {_key(records) for records in read if records.timed}
    references_by_name = [f"{label}/{precision}" for label, precision in study.speedup_references()]
    baseline = references_by_name[0]

    def speedups(key: Key) -> dict[str, Interval]:
        model, batch_size, _ = key
        others = {name: (model, batch_size, name) for name in references_by_name}
        return {name: noise.ratio(other, key) for name, other in others.items() if key in timed and other in timed}

    found = reader.read(environment, EnvironmentRecord, target)
    models = {
        model: reader.read(references[model], ReferenceRecord, Cell(study=study.study, model=model))
        for model in study.models
    }
    results = [
        target_result(
            records,
            noise.latency_ms(_key(records)) if records.timed else None,
            speedups(_key(records)),
            baseline,
        )
        for records in read
    ]
    works = {model: reference.work for model, reference in models.items()}
    for result in results:
        set_limit(result.row, works.get(result.row.model), found.limits)
    for result in less_accurate(results, {label: options.kind for label, options in study.backends.items()}):
        result.row.warnings = in_order({*result.row.warnings, "less-accurate"})

    def ratio(above: TargetResult, below: TargetResult) -> Interval:
        return noise.ratio(_row_key(above), _row_key(below))

    succeeded = any(result.row.status == "ok" for result in results)
    return Collected(
        target=target,
        status="ok" if succeeded else "failed",
        reason=None if succeeded else "not one target of the study could be timed",
        error_type=None if succeeded else "nothing succeeded",
        title=study.report.title or study.study,
        baseline=baseline,
        speedup_against=references_by_name,
        environment=found,
        settings=study.model_dump(mode="json"),
        models=models,
        backends={label: _summary(options) for label, options in study.backends.items()},
        answers=answers(results, baseline, ratio),
        dynamic_costs=dynamic_costs(study, results, ratio),
        targets=results,
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _summary(options: BackendOptions) -> BackendSummary:
    backend = make_backend(options)
    return BackendSummary(kind=backend.kind, summary=backend.summary, options=options.model_dump(mode="json"))


def _key(records: TargetRecords) -> Key:
    planned = records.planned
    return planned.model, planned.batch_size, planned.name


def _row_key(result: TargetResult) -> Key:
    row = result.row
    return row.model, row.batch_size, f"{row.backend}/{row.precision}"
