"""The table of all targets."""

from __future__ import annotations

from urllib.parse import quote

from bakeoff.artifacts.collected import Collected, Row, TargetResult
from bakeoff.core.cell import Cell
from bakeoff.core.formats import format_number, format_rate
from bakeoff.report.blocks import (
    NOTHING,
    Block,
    Column,
    Comparison,
    Datum,
    Filter,
    Paragraph,
    RowKind,
    Table,
    TableRow,
    Text,
)
from bakeoff.report.section import Context, section
from bakeoff.report.tables import HEAD, accuracy_datum, axis_cells, axis_columns, estimate, latency, speedup
from bakeoff.report.targets import STATUS_WORDS, TARGET_AXES, order_of_values

LONGEST_REASON = 90
"""Characters of a reason in the table; the section on what did not run has the whole."""


@section(rank=20, title="Comparison", anchor="comparison")
def comparison(context: Context) -> list[Block]:
    """Every target with its speed, accuracy and status."""
    collected, targets = context.collected, context.targets
    lead = (
        "Every target of the study. Median latency is the geometric mean of the medians of rounds, with its 95 % "
        "confidence interval. Iterations/s is 1000 over the mean latency in ms, one batch at a time; throughput is "
        "pipelined: batches are enqueued back to back",
        Text("; ", only="html"),
        Text("how the numbers were made", link="#method", only="html"),
        ".",
        Text(" Choose a heading to sort, with Shift for several; choose a backend for its ", only="html"),
        Text("details", link="#details", only="html"),
        Text(".", only="html"),
    )
    number = len(targets)
    caption = f"Comparison of all {number} targets" + ("" if targets else ": the study has none")
    best = {(Cell.of(answer).question, answer.best) for answer in collected.answers if answer.best}
    tied = {(Cell.of(answer).question, tie) for answer in collected.answers for tie in answer.ties}
    slowest: dict[Cell, float] = {}
    for target in targets:
        question = Cell.of(target.row).question
        slowest[question] = max(slowest.get(question, 0.0), target.row.latency_ms or 0.0)
    rows = []
    for place, target in enumerate(targets):
        cell = Cell.of(target.row)
        key = (cell.question, cell.label)
        tag = None
        if key in best:
            tag = Text("best", look="tag tag-best", only="html")
        elif key in tied:
            tag = Text("tied", look="tag", only="html")
        cells = [
            *axis_cells(TARGET_AXES, cell, f"#t{place}" if place in context.in_detail else "", tag),
            *_figures(collected, target, slowest[cell.question]),
            _status(target),
        ]
        kind: RowKind = "" if target.ranked else "unranked"
        if key in best:
            kind = "best"
        elif target.row.status != "ok":
            kind = "off"
        rows.append(TableRow(cells, kind, _found_by(target)))
    table = Table("comparison", caption, [*axis_columns(TARGET_AXES), *_columns(collected)], rows)
    return [Paragraph(lead, kind="lead"), Comparison(table, _filters(collected, targets))]


def _columns(collected: Collected) -> list[Column]:
    return [
        Column(
            "Median latency", "ms a batch", "Median latency (ms) [95 % CI]", number=True,
            hint="Median time of one inference of the whole batch, with its 95 % confidence interval",
        ),
        # One column for the mean and its inverse, which sort alike: with one more the table would not fit its page.
        Column(
            "Mean latency", "ms, iterations/s", "Mean latency (ms), iterations/s", number=True,
            hint="Mean time of one inference of the whole batch, and 1000 over it: batches a second, one at a time",
        ),
        Column(
            "Throughput", "images/s, pipelined", "Pipelined throughput (images/s) [95 % CI]", number=True,
            descending=True, hint="Single inputs a second with batches enqueued back to back, with its 95 % confidence "
            "interval",
        ),
        *(Column("Speed-up", f"vs {reference}", number=True, descending=True)
          for reference in collected.speedup_against),
        Column(
            "Accuracy", "SQNR", "Accuracy", number=True, descending=True,
            hint="Signal-to-quantization-noise ratio of the outputs against eager fp32",
        ),
        Column("Status", kind="status"),
    ]  # fmt: skip


def _figures(collected: Collected, target: TargetResult, slowest_ms: float) -> list[Datum]:
    row = target.row
    width = round(100 * row.latency_ms / slowest_ms, 1) if row.latency_ms else 0.0
    meter = (getattr(row, HEAD.name), width)
    return [
        latency(row, strong=True, meter=meter),
        _mean(row),
        estimate(row.items_per_s, row.items_per_s_ci_low, row.items_per_s_ci_high),
        *(speedup(target.speedups.get(reference)) for reference in collected.speedup_against),
        accuracy_datum(target),
    ]


def _mean(row: Row) -> Datum:
    if row.mean_ms is None or row.iterations_per_s is None:
        return NOTHING
    inverse = Text(f"{format_rate(row.iterations_per_s)}/s", look="ci")
    return Datum((format_number(row.mean_ms), Text(", ", only="markdown"), inverse), order=row.mean_ms)


def _status(target: TargetResult) -> Datum:
    row = target.row
    words: list[str | Text]
    if row.status != "ok":
        tone = "soft" if row.status == "unsupported" else "bad"
        words = [Text(STATUS_WORDS[row.status] + (":" if row.reason else ""), look=tone)]
        reason = row.reason
    elif target.ranked:
        words, reason = [Text("ok", look="good")], None
    else:
        reason = target.unranked_reason or "no reason was recorded"
        words = [Text("not ranked", look="warn"), Text(":", only="markdown")]
    if reason:
        words += [" ", Text(_shortened(reason), look="why")]
    for code in row.warnings:
        words += [Text("; ", only="markdown"), Text(code, only="markdown"), Text(" ", only="html")]
        words.append(Text(code.replace("-", " "), look="chip", link=f"#warning-{quote(code)}", only="html"))
    return Datum(tuple(words))


def _shortened(reason: str) -> str:
    return reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…"


def _found_by(target: TargetResult) -> dict[str, str]:
    """The values by which filters find a target: those of its axes, and all that may be said of its status."""
    row = target.row
    said: list[str] = [row.status]
    said += ["ranked"] if target.ranked else ["unranked"] if row.status == "ok" else []
    said += ["warned"] if row.warnings else []
    values = {axis.wildcard: str(getattr(row, axis.name)) for axis in TARGET_AXES}
    return values | {"status": " ".join(said)}


def _filters(collected: Collected, targets: list[TargetResult]) -> list[Filter]:
    """One for each axis, and the status."""
    filters = []
    for axis in TARGET_AXES:
        values = sorted({getattr(target.row, axis.name) for target in targets}, key=order_of_values(collected, axis))
        filters.append(Filter(axis.wildcard, axis.heading, [(str(value), str(value)) for value in values]))
    rows = [target.row for target in targets]
    statuses = [(status, words) for status, words in STATUS_WORDS.items() if any(r.status == status for r in rows)]
    special = [("unranked", "not ranked")] if any(t.row.status == "ok" and not t.ranked for t in targets) else []
    special += [("warned", "with warnings")] if any(row.warnings for row in rows) else []
    special = [("ranked", "ranked"), *special] if special else []
    return [*filters, Filter("status", "Status", statuses + special)]
