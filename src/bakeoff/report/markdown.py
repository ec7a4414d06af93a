"""report.md: the report as GitHub-flavoured Markdown, images by relative path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from bakeoff.artifacts.collected import Collected, TargetResult
from bakeoff.artifacts.io import read_record, write_text
from bakeoff.format import format_bytes, format_ms, format_number, format_ratio, format_s
from bakeoff.report.facts import environment_facts, headline_facts
from bakeoff.report.method import method_of
from bakeoff.report.plots.catalogue import Plot, read_plots
from bakeoff.report.problems import HEADLINES, problems_of
from bakeoff.report.targets import STATUS_WORDS, accuracy_mark, accuracy_words, in_rank_order, label_of
from bakeoff.report.warning_texts import warnings_of

DASH = "–"
MARKS = {"pass": " ✓", "fail": " ✗", "indicative": " (indicative)", None: ""}

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$-])")


def escape(text: object) -> str:
    """A user's string as plain Markdown text on one line, in a table cell too.

    HTML's own signs become entities; every sign that Markdown (or a code host's mathematics) gives a meaning gets a
    backslash; line breaks become spaces. An `@` gets a zero-width joiner so that nobody is notified.
    """
    flat = " ".join(str(text).split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", flat).replace("@", "@\u200d")


def write_markdown(collected_path: str | Path, plots_folder: str | Path, out_path: str | Path) -> None:
    """Write a study's report as Markdown.

    Args:
        collected_path: collected.json.
        plots_folder: what `make_plots` made; images are linked relative to `out_path`.
        out_path: the file to write, usually report.md beside the plots' folder.

    Raises:
        BakeoffError: collected.json or the plots' catalogue is missing or damaged.
    """
    collected = read_record(collected_path, Collected)
    folder = os.path.relpath(Path(plots_folder).resolve(), Path(out_path).resolve().parent)
    write_text(out_path, markdown_of(collected, read_plots(plots_folder), Path(folder).as_posix()))


def markdown_of(collected: Collected, plots: list[Plot], plots_path: str) -> str:
    """The report's Markdown; `plots_path` is the plots' folder as seen from the file."""
    targets = in_rank_order(collected, collected.targets)
    parts = [
        f"# {escape(collected.title)}",
        "\n".join(f"- **{name}:** {escape(value)}" for name, value in headline_facts(collected)),
        "## Answers",
        _answers(collected),
        "## Comparison",
        _comparison(collected, targets),
        "## Plots",
        _plots(plots, plots_path),
        "## What did not run, and why",
        _problems(collected),
        "## Build, cold start and memory",
        _costs(targets),
        *_warnings(collected),
        "## Environment",
        _environment(collected),
        "## How the numbers were made",
        "\n".join(f"- **{name}.** {escape(text)}" for name, text in method_of(collected)),
    ]
    return "\n\n".join(parts) + "\n"


def _table(heads: list[str], rows: Iterable[list[str]], right: set[int]) -> str:
    """A table; heads and cells are Markdown already. `right` are the columns aligned right."""
    rules = ["---:" if index in right else "---" for index in range(len(heads))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, rules, *rows])


def _answers(collected: Collected) -> str:
    if not collected.answers:
        return "This study has no answers: it has no targets."
    lines = []
    for model, answers in groupby(collected.answers, lambda answer: answer.model):
        lines.append(f"**{escape(model)}**\n")
        for answer in answers:
            lines.append(f"- {escape(answer.words)}")
        lines.append("")
    return "\n".join(lines).rstrip()


def _comparison(collected: Collected, targets: list[TargetResult]) -> str:
    if not targets:
        return "The study has no targets."
    best = {(answer.model, answer.batch_size, answer.best) for answer in collected.answers}
    heads = ["Model", "Backend", "Precision", "Batch", "Average time (ms) [95 % CI]", "Iterations/s", "Images/s"]
    heads += [f"Speed-up vs {escape(reference)}" for reference in collected.speedup_against]
    heads += ["Accuracy", "Status"]
    rows = []
    for target in targets:
        row = target.row
        bold = "**" if (row.model, row.batch_size, label_of(target)) in best else ""
        time = DASH
        if row.latency_ms is not None:
            time = f"{bold}{format_number(row.latency_ms)}{bold}"
            if row.latency_ci_low_ms is not None and row.latency_ci_high_ms is not None:
                time += f" [{format_number(row.latency_ci_low_ms)}–{format_number(row.latency_ci_high_ms)}]"
        cells = [
            escape(row.model),
            f"{bold}{escape(row.backend)}{bold}",
            row.precision,
            str(row.batch_size),
            time,
            DASH if row.iterations_per_s is None else format_number(row.iterations_per_s),
            DASH if row.items_per_s is None else format_number(row.items_per_s),
        ]
        for reference in collected.speedup_against:
            speedup = target.speedups.get(reference)
            cells.append(
                f"{format_ratio(speedup.value)} [{format_number(speedup.low)}–{format_number(speedup.high)}]"
                if speedup
                else DASH
            )
        cells += [f"{accuracy_words(target) or DASH}{MARKS[accuracy_mark(target)]}", _status(target)]
        rows.append(cells)
    return _table(heads, rows, right=set(range(3, len(heads) - 1)))


def _status(target: TargetResult) -> str:
    row = target.row
    if row.status != "ok":
        return STATUS_WORDS[row.status]
    words = ["ok" if target.ranked else f"not ranked: {escape(target.unranked_reason or 'no reason was recorded')}"]
    return "; ".join(words + [escape(code) for code in row.warnings])


def _plots(plots: list[Plot], path: str) -> str:
    if not plots:
        return "Nothing to plot: the study has no targets."
    lines = []
    for model, figures in groupby(plots, lambda plot: plot.model):
        lines.append(f"### {escape(model)}")
        for plot in figures:
            lines.append(f"![{escape(plot.title)}]({quote(f'{path}/{plot.png}')})")
            lines.append(escape(plot.caption))
    return "\n\n".join(lines)


def _problems(collected: Collected) -> str:
    problems = problems_of(collected)
    if not problems:
        return "Everything ran and may be ranked." if collected.targets else "Nothing was asked for."
    lines = []
    for status, entries in groupby(problems, lambda problem: problem.status):
        heading, explanation = HEADLINES[status]
        lines.append(f"### {heading}\n\n{explanation}\n")
        for problem in entries:
            error = f" (`{problem.error_type.replace('`', '')}`)" if problem.error_type else ""
            names = "; ".join(
                f"{t.row.model} · {t.row.backend} {t.row.precision} · batch {t.row.batch_size}" for t in problem.targets
            )
            log = f" Log: {escape(problem.logs[0])}." if problem.logs else ""
            lines.append(f"- **{escape(problem.reason)}**{error}{log} Targets: {escape(names)}")
        lines.append("")
    return "\n".join(lines).rstrip()


def _costs(targets: list[TargetResult]) -> str:
    rows = []
    for target in targets:
        row, build = target.row, target.build
        if build is None and row.load_s is None:
            continue
        build_s = row.build_s if row.build_s is not None else build.build_s if build else None
        size = row.engine_bytes if row.engine_bytes is not None else build.engine_bytes if build else None
        cells = [escape(row.model), escape(row.backend), row.precision, str(row.batch_size)]
        cells += [DASH if build_s is None else format_s(build_s), DASH if size is None else format_bytes(size)]
        cells += [DASH if row.load_s is None else format_s(row.load_s)]
        cells += [DASH if row.first_ms is None else format_ms(row.first_ms)]
        rows.append(cells)
    if not rows:
        return "Nothing was built."
    heads = ["Model", "Backend", "Precision", "Batch", "Build", "Engine size", "Load", "First inference"]
    return _table(heads, rows, right=set(range(3, 8)))


def _warnings(collected: Collected) -> list[str]:
    lines = []
    for warned in warnings_of(collected):
        number = len(warned.targets)
        lines.append(
            f"- **{escape(warned.headline)}** ({escape(warned.code)}, {number} target{'s' if number != 1 else ''}). "
            f"{escape(warned.remedy)}".rstrip()
        )
    return ["## Warnings explained", "\n".join(lines)] if lines else []


def _environment(collected: Collected) -> str:
    rows = [
        [heading, escape(name), escape(value)]
        for heading, facts in environment_facts(collected)
        for name, value in facts
    ]
    return _table(["", "What", "Value"], rows, right=set())
