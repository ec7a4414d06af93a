"""How every engine's outputs agree with the reference."""

from __future__ import annotations

from bakeoff.artifacts.accuracy import AccuracyRecord
from bakeoff.core.cell import Cell
from bakeoff.core.formats import format_db, format_with_interval, points
from bakeoff.report.blocks import NOTHING, Block, Column, Datum, Heading, Paragraph, Table, TableRow, Text
from bakeoff.report.section import Context, section
from bakeoff.report.tables import axes_in, axis_cells, axis_columns, datum, estimate
from bakeoff.report.targets import engine_of


@section(rank=50, title="Accuracy", anchor="accuracy")
def accuracy(context: Context) -> list[Block]:
    """One row an engine: targets that share it share its result."""
    judged: dict[Cell, AccuracyRecord] = {}
    for target in context.targets:
        if target.accuracy is not None and target.accuracy.ok:
            judged.setdefault(engine_of(target, target.accuracy), target.accuracy)
    rerun = any(record.repeat_relative_l2 is not None for record in judged.values())
    lead = (
        "Outputs of each engine against the model in eager fp32 on the same inputs. Batch sizes that share an engine "
        "share its result."
    )
    if rerun:
        lead += " Run again: how far the same inputs' outputs of a second run are off the first ones (relative L2)."
    if not judged:
        return [Paragraph(lead, kind="lead"), Paragraph("No engine's outputs were checked.", kind="empty")]
    axes = axes_in(list(judged))
    heads = ["SQNR", "Relative L2", "Largest difference", "Cosine", "Top-1", "Top-5", *(["Run again"] if rerun else [])]
    columns = [
        *axis_columns(axes),
        *(Column(head, number=True) for head in heads),
        Column("Verdict", kind="status"),
    ]
    rows = [TableRow([*axis_cells(axes, cell), *_figures(r, rerun), _verdict(r)]) for cell, r in judged.items()]
    blocks: list[Block] = [
        Paragraph(lead, kind="lead"), Table("accuracy", "Accuracy against the reference", columns, rows)
    ]  # fmt: skip
    return blocks + _against_labels(context, {cell: record for cell, record in judged.items() if record.n_labelled})


def _against_labels(context: Context, judged: dict[Cell, AccuracyRecord]) -> list[Block]:
    """How many labelled inputs each engine gets right, beside the reference, pair by pair."""
    if not judged:
        return []
    said = []
    for model, reference in context.collected.models.items():
        if truth := reference.truth:
            share, ends = format_with_interval(
                100 * truth.top1_accuracy, 100 * truth.top1_accuracy_ci_low, 100 * truth.top1_accuracy_ci_high, " %"
            )
            said.append(f"{model} in eager fp32 gets {share} [{ends}] of {truth.n_labelled} labelled inputs right.")
    lead = " ".join(said) + (
        " Intervals of accuracy are Wilson's. Against fp32 the same inputs are compared one by one: lost are those "
        "that the reference gets right and the engine wrong, won the other way round; p is that of McNemar's test that "
        "both ways are equally likely."
    )
    axes = axes_in(list(judged))
    columns = [
        *axis_columns(axes),
        Column("Top-1", note="% right", number=True),
        Column("Top-5", note="% right", number=True),
        Column("Loses", note="points of top-1", number=True),
        Column("Lost", number=True),
        Column("Won", number=True),
        Column("p", number=True),
    ]
    rows = [TableRow([*axis_cells(axes, cell), *_truth(record)]) for cell, record in judged.items()]
    return [
        Heading("Against the labels"),
        Paragraph(lead, kind="lead"),
        Table("labels", "Accuracy against the labels", columns, rows),
    ]


def _truth(record: AccuracyRecord) -> list[Datum]:
    def percent(value: float | None) -> float | None:
        return None if value is None else 100 * value

    right = estimate(
        percent(record.top1_accuracy), percent(record.top1_accuracy_ci_low), percent(record.top1_accuracy_ci_high)
    )
    five = datum(percent(record.top5_accuracy), "{:.1f}".format)
    against = record.against_reference
    if against is None:
        return [right, five, *[NOTHING] * 4]
    return [
        right,
        five,
        Datum(points(against.drop), f"{points(against.drop_ci_low)} to {points(against.drop_ci_high)}", against.drop),
        Datum(str(against.lost), order=against.lost),
        Datum(str(against.won), order=against.won),
        Datum(f"{against.p_value:.2g}", order=against.p_value),
    ]


def _figures(record: AccuracyRecord, rerun: bool) -> list[Datum]:
    again = record.repeat_relative_l2
    figures = [
        Datum("identical") if record.identical else datum(record.sqnr_db, format_db),
        datum(record.relative_l2, "{:.1e}".format),
        datum(record.max_abs, "{:.1e}".format),
        datum(record.cosine, "{:.6f}".format),
        datum(record.top1_agreement, _share),
        datum(record.top5_agreement, _share),
    ]
    if rerun:
        figures.append(Datum("identical") if again == 0 else datum(again, "{:.1e}".format) if again else NOTHING)
    return figures


def _share(value: float) -> str:
    return f"{value * 100:.1f} %"


def _verdict(record: AccuracyRecord) -> Datum:
    if not record.passed:
        return Datum((Text("failed", look="bad"), " ", Text("; ".join(record.failures), look="why")))
    passed = Text("passed", look="good")
    if record.indicative:
        return Datum((passed, " ", Text("indicative (random weights)", look="soft")))
    return Datum(passed)
