"""report.md: the report as GitHub-flavoured Markdown, images by relative path."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bakeoff.artifacts.collected import Collected, Row, TargetResult
from bakeoff.artifacts.io import read_record, write_text
from bakeoff.core.formats import (
    format_bytes,
    format_change,
    format_ms,
    format_number,
    format_ratio,
    format_s,
    format_si,
)
from bakeoff.report.details import engine_facts
from bakeoff.report.facts import environment_facts, headline_facts
from bakeoff.report.limits import EXPLANATION, SET_BY, points_of, rate_facts, uncounted
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
    roofline, of_models = [p for p in plots if not p.model], [p for p in plots if p.model]
    parts = [
        f"# {escape(collected.title)}",
        "\n".join(f"- **{name}:** {escape(value)}" for name, value in headline_facts(collected)),
        "## Answers",
        _answers(collected),
        "## Comparison",
        _comparison(collected, targets),
        "## Plots",
        _plots(of_models, plots_path),
        "## What did not run, and why",
        _problems(collected),
        *_limits(collected, roofline, plots_path),
        "## Build, cold start and memory",
        _costs(targets),
        *_clocks(targets),
        *_dynamic(collected),
        *_engines(targets),
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
            lines += _figure(plot, path)
    return "\n\n".join(lines)


def _figure(plot: Plot, path: str) -> list[str]:
    return [f"![{escape(plot.title)}]({quote(f'{path}/{plot.png}')})", escape(plot.caption)]


def _limits(collected: Collected, roofline: list[Plot], path: str) -> list[str]:
    """How close the targets come to the hardware; nothing where its rates were not measured."""
    rates = rate_facts(collected)
    if not rates:
        return []
    parts = ["## How close to the hardware", *map(escape, EXPLANATION)]
    parts.append("\n".join(f"- **{name}:** {escape(words)}" for name, words in rates))
    parts += [f"**{escape(model)}** has no limit: {escape(why)}." for model, why in uncounted(collected)]
    parts += [line for plot in roofline for line in _figure(plot, path)]
    points, left_out = points_of(collected)
    if not points:
        return [*parts, "No target has both a known limit and a measured time."]
    if left_out:
        parts.append(f"Of each model and precision the target nearest its limit; {left_out} others are in results.csv.")
    rows = []
    for point in points:
        row = point.target.row
        cells = [escape(row.model), escape(row.backend), row.precision, str(row.batch_size)]
        cells += [f"{100 * (row.share_of_limit or 0):.1f} %", format_ms(row.limit_ms or 0), format_ms(point.ms)]
        cells += [SET_BY[row.bound or "compute"], format_si(point.flops, "FLOP"), format_si(point.bytes, "B")]
        rows.append(cells)
    heads = ["Model", "Backend", "Precision", "Batch", "Share", "Limit", "Measured", "Limit set by", "Operations"]
    return [*parts, _table([*heads, "Least bytes"], rows, right={3, 4, 5, 6, 8, 9})]


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
    rows = [target.row for target in targets if target.build is not None or target.rounds]
    if not rows:
        return "Nothing was built."
    columns: list[tuple[str, str, Callable[[Any], str]]] = [
        ("Export", "export_s", format_s),
        ("Build", "build_s", format_s),
        ("Build, warm caches", "warm_build_s", format_s),
        ("Engine size", "engine_bytes", format_bytes),
        ("Import", "import_s", format_s),
        ("Load", "load_s", format_s),
        ("First inference", "first_ms", format_ms),
        ("Host memory", "host_peak_bytes", format_bytes),
        ("GPU memory", "device_peak_bytes", format_bytes),
    ]
    return _figures(rows, columns)


def _figures(rows: list[Row], columns: list[tuple[str, str, Callable[[Any], str]]]) -> str:
    """A table of targets; columns are heading, field of the row and how it is written. Empty columns are left out."""
    known = [column for column in columns if any(getattr(row, column[1]) is not None for row in rows)]
    table = []
    for row in rows:
        values = [(getattr(row, name), write) for _, name, write in known]
        cells = [escape(row.model), escape(row.backend), row.precision, str(row.batch_size)]
        table.append(cells + [DASH if value is None else write(value) for value, write in values])
    heads = ["Model", "Backend", "Precision", "Batch", *(heading for heading, _, _ in known)]
    return _table(heads, table, right=set(range(3, len(heads))))


def _clocks(targets: list[TargetResult]) -> list[str]:
    """GPU targets: the clocks side by side, copies, and the GPU's state."""
    rows = [target.row for target in targets if target.row.device_ms is not None]
    if not rows:
        return []
    columns: list[tuple[str, str, Callable[[Any], str]]] = [
        ("Latency (ms)", "latency_ms", format_number),
        ("Device (ms)", "device_ms", format_number),
        ("Dispatch (ms)", "dispatch_ms", format_number),
        ("To GPU, pinned (ms)", "h2d_ms", format_number),
        ("To GPU, pageable (ms)", "pageable_h2d_ms", format_number),
        ("From GPU, pinned (ms)", "d2h_ms", format_number),
        ("From GPU, pageable (ms)", "pageable_d2h_ms", format_number),
        ("SM (MHz)", "gpu_sm_mhz", "{:.0f}".format),
        ("°C", "gpu_temperature_c", "{:.0f}".format),
        ("W", "gpu_power_w", "{:.0f}".format),
    ]
    return ["## Clocks and copies on the GPU", _figures(rows, columns)]


def _dynamic(collected: Collected) -> list[str]:
    rows = []
    for cost in collected.dynamic_costs:
        ci = cost.latency
        rows.append(
            [
                escape(cost.model),
                f"{escape(cost.dynamic)} against {escape(cost.fixed)}",
                cost.precision,
                str(cost.batch_size),
                f"{format_change(ci.value)} [{format_change(ci.low)} to {format_change(ci.high)}]",
                _both(cost.dynamic_build_s, cost.fixed_build_s, format_s),
                _both(cost.dynamic_engine_bytes, cost.fixed_engine_bytes, format_bytes),
            ]
        )
    if not rows:
        return []
    heads = ["Model", "Backends", "Precision", "Batch", "Latency [95 % CI]"]
    heads += ["Build: one engine / all sizes", "Engine size: one / all"]
    return ["## What dynamic batch costs", _table(heads, rows, right=set(range(3, 7)))]


def _both(one: float | None, all_sizes: float | None, write: Callable[[float], str]) -> str:
    return " / ".join(DASH if value is None else write(value) for value in (one, all_sizes))


def _engines(targets: list[TargetResult]) -> list[str]:
    """One line an engine with what is in it; batch sizes that share an engine share its line."""
    lines: dict[tuple[object, ...], str] = {}
    for target in targets:
        row, build = target.row, target.build
        facts = engine_facts(build)
        if build is None or not facts:
            continue
        fixed = build.target.batch_size
        name = f"{row.model} · {row.backend} {row.precision}" + (f" · batch {fixed}" if fixed else "")
        said = "; ".join(f"{heading.lower()}: {words}" for heading, words in facts)
        lines.setdefault((row.model, row.backend, row.precision, fixed), f"- **{escape(name)}:** {escape(said)}")
    return ["## Engines", "\n".join(lines.values())] if lines else []


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
