"""Judges an engine's outputs against the reference, at every batch size that it serves."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from bakeoff.accuracy.conditioned import is_conditioned
from bakeoff.accuracy.judge import Judgement, judge, limits_for, worst_output
from bakeoff.accuracy.labels import AgainstReference
from bakeoff.accuracy.metrics import Comparison, OutputError, compare
from bakeoff.accuracy.predictions import guesses
from bakeoff.accuracy.tolerance import Tolerance
from bakeoff.artifacts.accuracy import AccuracyRecord, Guess, OutputFigures, PairedTruth, ReferenceRecord, Truth
from bakeoff.artifacts.io import check_digests, read_record
from bakeoff.core.job_messages import under_way
from bakeoff.jobs.engine_job import EngineJob
from bakeoff.models.spread import spread

if TYPE_CHECKING:
    import numpy as np

REPEAT_S = 2.0
"""About how long batches are run again; at least one is."""

_LARGER_IS_WORSE = ("relative_l2", "max_abs")
_SMALLER_IS_WORSE = ("sqnr_db", "cosine", "top1_agreement", "top5_agreement")
_WORST_OF_OUTPUT: dict[str, Callable[[list[float]], float]] = {
    "relative_l2": max, "relative_to_spread": max, "worst_input": max, "beside_zero": max, "equal": min,
}  # fmt: skip


class Spec(EngineJob):
    """An engine and what judges it."""

    tolerance: dict[str, Any] | None = None
    """The config's limits for the target's precision (`Tolerance` as JSON); None where it has none."""
    real_weights: bool
    batch_sizes: Annotated[list[int], Field(min_length=1)]
    """Batch sizes to check: all that an engine with a dynamic batch dimension serves, or its fixed one."""


def run(spec_json: dict[str, Any]) -> AccuracyRecord:
    """Run the check inputs through the engine and compare; with several batch sizes the worst figures are reported.

    Afterwards batches are run again: an engine with a race in it may be right the first time.

    Raises BakeoffError where a file is not as it was left, EngineError where the backend refuses the engine.
    """
    spec = Spec.model_validate(spec_json)
    files = spec.checked_files()
    known = _checked_reference(spec.reference)
    inputs = spec.check_inputs()
    reference = spec.reference_outputs()
    precision = spec.engine_spec().precision
    limits, indicative = limits_for(
        precision,
        None if spec.tolerance is None else Tolerance.model_validate(spec.tolerance),
        spec.real_weights,
        is_conditioned(known.rounding, precision),
    )
    names = [output.name for output in known.outputs]
    scored = names.index(known.scores) if known.scores in names else None
    labelled = AgainstReference(reference[scored], known.labels) if scored is not None and known.truth else None
    verdicts: dict[int, tuple[Comparison, Judgement]] = {}
    repeats: list[Comparison] = []
    truths: list[tuple[Truth, PairedTruth]] = []
    predictions: list[list[Guess]] = []
    for batch_size in spec.batch_sizes:
        comparison, repeat, outputs = _compare_at(spec, files, batch_size, inputs, reference)
        drop = None
        if scored is not None and not comparison.wrong:
            scores = outputs[scored]
            predictions = predictions or guesses(scores)
            if labelled:
                truths.append(labelled.judge(scores))
                drop = truths[-1][1].drop
        verdicts[batch_size] = comparison, judge(comparison, limits, indicative, repeat, names, drop)
        repeats += [repeat] if repeat else []
    failures = [
        failure if len(spec.batch_sizes) == 1 else f"at batch {batch_size}: {failure}"
        for batch_size, (_, judgement) in verdicts.items()
        for failure in judgement.failures
    ]
    comparisons = [comparison for comparison, _ in verdicts.values()]
    figures = _worst_outputs(comparisons)
    worst = worst_output(figures, limits) if len(figures) > 1 else None
    truth, against = max(truths, key=lambda pair: pair[1].drop) if truths else (None, None)
    return AccuracyRecord(
        target=spec.target,
        status="ok",
        **worst_figures(comparisons),
        repeat_relative_l2=worst_figures(repeats).get("relative_l2"),
        reference_std=spread(reference),
        n_inputs=len(inputs[0]),
        outputs=[
            OutputFigures(name=names[position] if position < len(names) else f"out{position}", **asdict(output))
            for position, output in enumerate(figures)
        ],
        **(truth.model_dump() if truth else {}),
        against_reference=against,
        predictions=predictions,
        worst_output=names[worst] if worst is not None and worst < len(names) else None,
        tolerance=limits.model_dump(exclude_none=True),
        indicative=indicative,
        passed=not failures,
        failures=failures,
    )


def worst_figures(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """The worst value of each figure; null where it is unknown at any batch size (NaN, wrong shape)."""
    known = [asdict(c) for c in comparisons]
    if any(c.wrong for c in comparisons):
        return {}
    figures: dict[str, Any] = {"identical": all(c.identical for c in comparisons)}
    for name in (*_LARGER_IS_WORSE, *_SMALLER_IS_WORSE):
        values = [c[name] for c in known if c[name] is not None]
        figures[name] = (max(values) if name in _LARGER_IS_WORSE else min(values)) if values else None
    return figures


def _worst_outputs(comparisons: Sequence[Comparison]) -> list[OutputError]:
    """Each output's worst figures over batch sizes; none where nothing is known at one of them."""
    if any(comparison.wrong for comparison in comparisons):
        return []
    found = []
    for over_batches in zip(*(comparison.outputs for comparison in comparisons), strict=True):
        figures: dict[str, float | None] = {}
        for name, worst in _WORST_OF_OUTPUT.items():
            values = [value for output in over_batches if (value := getattr(output, name)) is not None]
            figures[name] = worst(values) if values else None
        found.append(OutputError(**figures))
    return found


def _checked_reference(folder: str) -> ReferenceRecord:
    record = read_record(Path(folder) / "reference.json", ReferenceRecord)
    check_digests(folder, {name: d for name, d in record.files.items() if name.endswith(".npz")})
    return record


def _compare_at(
    spec: Spec, files: list[str], batch_size: int, inputs: list[np.ndarray], reference: list[np.ndarray]
) -> tuple[Comparison, Comparison | None, list[np.ndarray]]:
    """Run all inputs in batches of this size; the last batch is filled by starting over, and judged as well.

    Returns the comparison with the reference; that of the first batches' outputs with what they were before, when they
    are run again; and the outputs for all inputs, each once.
    """
    import numpy as np

    n = len(inputs[0])
    order = np.arange(-(-n // batch_size) * batch_size) % n
    batches = order.reshape(-1, batch_size)
    first: list[list[np.ndarray]] = []
    again: list[list[np.ndarray]] = []
    with closing(spec.load(files, batch_size)) as session, under_way("accuracy"):

        def outputs_of(rows: np.ndarray) -> list[np.ndarray]:
            session.prepare([np.ascontiguousarray(array[rows]) for array in inputs])
            session.run()
            session.synchronize()
            return [np.array(output) for output in session.outputs()]

        for rows in batches:
            outputs = outputs_of(rows)
            wrong = [position for position, output in enumerate(outputs) if output.shape[:1] != (batch_size,)]
            if wrong:
                shape = list(outputs[wrong[0]].shape)
                mismatch = f"output {wrong[0]} has shape {shape} for a batch of {batch_size}"
                return Comparison(mismatch=mismatch), None, []
            first.append(outputs)
        begin = time.monotonic()
        for rows in batches:
            again.append(outputs_of(rows))
            if time.monotonic() - begin > REPEAT_S:
                break
    outputs = _joined(first)
    comparison = compare(outputs, [array[order] for array in reference])
    if comparison.wrong:
        return comparison, None, []
    repeat = compare(_joined(again), _joined(first[: len(again)]))
    return comparison, repeat, [array[:n] for array in outputs]


def _joined(batches: list[list[np.ndarray]]) -> list[np.ndarray]:
    import numpy as np

    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]
