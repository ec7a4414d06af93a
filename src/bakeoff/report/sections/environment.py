"""What the study ran on and what it ran."""

from __future__ import annotations

from bakeoff.artifacts.accuracy import ReferenceRecord
from bakeoff.artifacts.collected import BackendSummary
from bakeoff.report.blocks import (
    DASH,
    NOTHING,
    Block,
    Column,
    Datum,
    FactList,
    Group,
    Heading,
    Paragraph,
    Table,
    TableRow,
    Text,
    Words,
)
from bakeoff.report.facts import RECORDED_BY, environment_facts
from bakeoff.report.section import Context, section
from bakeoff.report.tables import datum


@section(rank=130, title="Environment", anchor="environment")
def environment(context: Context) -> list[Block]:
    """Machine, software, settings, models and backends."""
    collected = context.collected
    blocks: list[Block] = [
        Group([[Heading(heading), FactList(facts)] for heading, facts in environment_facts(collected)]),
        Paragraph(RECORDED_BY, kind="note"),
    ]
    if collected.models:
        columns = [
            Column("Model", kind="name"),
            Column("From"),
            Column("Weights"),
            Column("Parameters", number=True),
            Column("Inputs"),
            Column("Check inputs", number=True),
        ]
        rows = [_model(label, reference) for label, reference in collected.models.items()]
        blocks += [Heading("Models"), Table("models", "Models of the study", columns, rows, caption_shown=False)]
    if collected.backends:
        facts = [(Text(label, series=label), _backend(label, b)) for label, b in collected.backends.items()]
        blocks += [Heading("Backends"), FactList(facts)]
    return blocks


def _model(label: str, reference: ReferenceRecord) -> TableRow:
    weights = reference.weights or DASH
    if reference.statistics:
        weights += f"; {reference.statistics}"
    if reference.notes:
        weights += f"; note: {'; '.join(reference.notes)}"
    inputs = "; ".join(
        f"{tensor.get('name')} {'×'.join(map(str, tensor.get('shape') or []))} {tensor.get('dtype')}"
        for tensor in reference.inputs
    )
    return TableRow([
        Datum(label),
        Datum(reference.description) if reference.description else NOTHING,
        Datum(weights),
        datum(reference.parameters, "{:,}".format),
        Datum(inputs),
        datum(reference.n_inputs, str),
    ])  # fmt: skip


def _backend(label: str, backend: BackendSummary) -> Words:
    words: list[str | Text] = [backend.summary]
    if backend.kind != label:
        words.append(f" (kind {backend.kind})")
    for place, (key, value) in enumerate(backend.options.items()):
        words += [", " if place else " · ", Text(f"{key}: {value}", code=True)]
    return tuple(words)
