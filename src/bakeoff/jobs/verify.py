"""Judges an engine's outputs against the reference, at every batch size that it serves."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from bakeoff.accuracy.judge import Judgement, judge
from bakeoff.accuracy.metrics import Comparison, compare
from bakeoff.artifacts.accuracy import AccuracyRecord, ReferenceRecord
from bakeoff.artifacts.io import check_digests, read_record
from bakeoff.config.study import Tolerance
from bakeoff.jobs.channel import under_way
from bakeoff.jobs.engine_job import EngineJob
from bakeoff.models.arrays import load_arrays
from bakeoff.models.spread import spread

if TYPE_CHECKING:
    import numpy as np

_LARGER_IS_WORSE = ("relative_l2", "max_abs")
_SMALLER_IS_WORSE = ("sqnr_db", "cosine", "top1_agreement", "top5_agreement")


class Spec(EngineJob):
    """An engine and what judges it."""

    tolerance: dict[str, Any]
    """The tolerance of the target's precision (`Tolerance` as JSON)."""
    real_weights: bool
    batch_sizes: Annotated[list[int], Field(min_length=1)]
    """Batch sizes to check: all that an engine with a dynamic batch dimension serves, or its fixed one."""


def run(spec_json: dict[str, Any]) -> AccuracyRecord:
    """Run the check inputs through the engine and compare; with several batch sizes the worst figures are reported.

    Raises BakeoffError where a file is not as it was left, EngineError where the backend refuses the engine.
    """
    spec = Spec.model_validate(spec_json)
    files = spec.checked_files()
    _check_reference(spec.reference)
    inputs = spec.check_inputs()
    reference = list(load_arrays(Path(spec.reference) / "outputs.npz").values())
    tolerance = Tolerance.model_validate(spec.tolerance)
    precision = spec.engine_spec().precision
    verdicts: dict[int, tuple[Comparison, Judgement]] = {}
    for batch_size in spec.batch_sizes:
        comparison = _compare_at(spec, files, batch_size, inputs, reference)
        verdicts[batch_size] = comparison, judge(comparison, tolerance, precision, spec.real_weights)
    failures = [
        failure if len(spec.batch_sizes) == 1 else f"at batch {batch_size}: {failure}"
        for batch_size, (_, judgement) in verdicts.items()
        for failure in judgement.failures
    ]
    comparisons = [comparison for comparison, _ in verdicts.values()]
    judgement = verdicts[spec.batch_sizes[0]][1]
    return AccuracyRecord(
        target=spec.target,
        status="ok",
        **worst_figures(comparisons),
        reference_std=spread(reference),
        n_inputs=len(inputs[0]),
        tolerance=judgement.limits,
        indicative=judgement.indicative,
        passed=not failures,
        failures=failures,
    )


def worst_figures(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """The worst value of each figure; null where it is unknown at any batch size (NaN, wrong shape)."""
    known = [asdict(c) for c in comparisons]
    if any(c.mismatch or c.nonfinite for c in comparisons):
        return {}
    figures: dict[str, Any] = {"identical": all(c.identical for c in comparisons)}
    for name in (*_LARGER_IS_WORSE, *_SMALLER_IS_WORSE):
        values = [c[name] for c in known if c[name] is not None]
        figures[name] = (max(values) if name in _LARGER_IS_WORSE else min(values)) if values else None
    return figures


def _check_reference(folder: str) -> None:
    record = read_record(Path(folder) / "reference.json", ReferenceRecord)
    check_digests(folder, {name: d for name, d in record.files.items() if name.endswith(".npz")})


def _compare_at(
    spec: Spec, files: list[str], batch_size: int, inputs: list[np.ndarray], reference: list[np.ndarray]
) -> Comparison:
    """Run all inputs in batches of this size; the last batch is filled by starting over, and judged as well."""
    import numpy as np

    n = len(inputs[0])
    order = np.arange(-(-n // batch_size) * batch_size) % n
    with closing(spec.load(files, batch_size)) as session, under_way("accuracy"):
        batches = []
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            session.prepare([np.ascontiguousarray(array[rows]) for array in inputs])
            session.run()
            session.synchronize()
            batch = [np.array(output) for output in session.outputs()]
            wrong = [position for position, output in enumerate(batch) if output.shape[:1] != (batch_size,)]
            if wrong:
                shape = list(batch[wrong[0]].shape)
                return Comparison(mismatch=f"output {wrong[0]} has shape {shape} for a batch of {batch_size}")
            batches.append(batch)
    outputs = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
    return compare(outputs, [array[order] for array in reference])
