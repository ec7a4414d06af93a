"""Orders and words for targets that every part of the report shares."""

from bakeoff.artifacts.collected import Collected, TargetResult
from bakeoff.core.formats import format_db
from bakeoff.core.precision import PRECISIONS

STATUS_WORDS = {"ok": "ok", "failed": "failed", "blocked": "blocked", "unsupported": "cannot run here"}


def in_matrix_order(collected: Collected, targets: list[TargetResult]) -> list[TargetResult]:
    """By backend as the study lists them, then precision, then batch size: stable from plot to plot."""
    backends = {label: index for index, label in enumerate(collected.backends)}
    precisions = {precision: index for index, precision in enumerate(PRECISIONS)}
    return sorted(
        targets,
        key=lambda t: (
            backends.get(t.row.backend, len(backends)),
            t.row.backend,
            precisions[t.row.precision],
            t.row.batch_size,
        ),
    )


def in_rank_order(collected: Collected, targets: list[TargetResult]) -> list[TargetResult]:
    """By model as the study lists them and batch size, then the ranked by latency, then the others."""
    models = {label: index for index, label in enumerate(collected.models)}
    return sorted(
        in_matrix_order(collected, targets),
        key=lambda t: (
            models.get(t.row.model, len(models)),
            t.row.model,
            t.row.batch_size,
            not t.ranked,
            t.row.latency_ms is None,
            t.row.latency_ms or 0.0,
        ),
    )


def label_of(target: TargetResult) -> str:
    """`label/precision`, as answers and speed-up columns name a target."""
    return f"{target.row.backend}/{target.row.precision}"


def status_words(target: TargetResult) -> str:
    """The status in words, with the reason where it is not ok."""
    words = STATUS_WORDS[target.row.status]
    return f"{words}: {target.row.reason}" if target.row.reason and target.row.status != "ok" else words


def accuracy_words(target: TargetResult) -> str | None:
    """How well the outputs agree with the reference, in a few words; None where it was not checked."""
    record, row = target.accuracy, target.row
    if record is None or not record.ok:
        return None if row.sqnr_db is None else format_db(row.sqnr_db)
    if record.identical:
        return "identical"
    if record.sqnr_db is not None:
        return format_db(record.sqnr_db)
    return "failed" if record.passed is False else None


def accuracy_mark(target: TargetResult) -> str | None:
    """`pass`, `fail` or `indicative` (random weights at a low precision); None where it was not checked."""
    if target.row.accuracy_passed is None:
        return None
    if not target.row.accuracy_passed:
        return "fail"
    return "indicative" if target.accuracy is not None and target.accuracy.indicative else "pass"
