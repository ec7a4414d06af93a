"""What a dynamic batch dimension costs: labels that differ in `dynamic_batch` alone, compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from typing import Any

from bakeoff.artifacts.collected import DynamicCost, TargetResult
from bakeoff.backends.options import OF_THE_STUDY
from bakeoff.collect.answers import Ratio
from bakeoff.config.study import Study


def dynamic_costs(study: Study, results: Sequence[TargetResult], ratio: Ratio) -> list[DynamicCost]:
    """One entry for each batch size at which both targets may be ranked, in the order of the results.

    A study of one batch size has none: its engines are all of fixed size.

    Args:
        study: The study as it was run.
        results: All its targets.
        ratio: Latency of the first of two timed targets of the same model and batch size over that of the second.
    """
    if len(study.batch.sizes) < 2:
        return []
    by_cell = {result.row.cell: result for result in results}
    costs = []
    for dynamic, fixed in _pairs(study):
        for cell, ours in by_cell.items():
            theirs = by_cell.get(cell.at(backend=fixed)) if cell.backend == dynamic else None
            if theirs is None or not (ours.ranked and theirs.ranked):
                continue
            engines = [by_cell[cell.at(backend=fixed, batch_size=size)] for size in study.batch.sizes]
            costs.append(
                DynamicCost(
                    **cell.named("question"),
                    precision=ours.row.precision,
                    dynamic=dynamic,
                    fixed=fixed,
                    latency=ratio(ours, theirs),
                    dynamic_build_s=ours.row.build_s,
                    fixed_build_s=_sum(engine.row.build_s for engine in engines),
                    dynamic_engine_bytes=ours.row.engine_bytes,
                    fixed_engine_bytes=_sum(engine.row.engine_bytes for engine in engines),
                )
            )
    return costs


def _pairs(study: Study) -> Iterator[tuple[str, str]]:
    """(dynamic label, fixed label) of the same kind, threads and options."""

    def rest(label: str) -> dict[str, Any]:
        return study.backends[label].model_dump(exclude=set(OF_THE_STUDY - {"threads"}))

    for one, other in permutations(study.backends, 2):
        if study.dynamic_batch_of(one) and not study.dynamic_batch_of(other) and rest(one) == rest(other):
            yield one, other


def _sum(values: Iterable[Any]) -> Any:
    """The sum; None where a part of it is not known."""
    known = list(values)
    return None if None in known else sum(known)
