"""How every engine's outputs agree with the reference."""

from __future__ import annotations

from bakeoff.artifacts.accuracy import AccuracyRecord
from bakeoff.core.cell import Cell
from bakeoff.core.formats import format_db
from bakeoff.report.blocks import NOTHING, Block, Column, Datum, Paragraph, Table, TableRow, Text
from bakeoff.report.section import Context, section
from bakeoff.report.tables import axes_in, axis_cells, axis_columns, datum
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
    return [Paragraph(lead, kind="lead"), Table("accuracy", "Accuracy against the reference", columns, rows)]


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
