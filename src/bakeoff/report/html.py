"""index.html: a study's report as one self-contained file."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from bakeoff.artifacts.collected import Answer, Collected, Interval, TargetResult
from bakeoff.artifacts.io import read_record, write_text
from bakeoff.artifacts.profile import Layer
from bakeoff.report.facts import day, environment_facts, headline_facts
from bakeoff.report.method import method_of
from bakeoff.report.page import render
from bakeoff.report.plots.catalogue import Plot, read_plots
from bakeoff.report.plots.inline import themed
from bakeoff.report.plots.style import SERIES, series_of
from bakeoff.report.problems import HEADLINES, problems_of
from bakeoff.report.targets import STATUS_WORDS, accuracy_mark, accuracy_words, in_rank_order, label_of
from bakeoff.report.warning_texts import warnings_of

SCRIPTS = ["static/theme.js", "vendor/dataTables.min.js", "static/report.js"]

TOP_LAYERS = 12
"""Layers listed a target; the rest is summed up in one line."""
TOP_TARGETS = 200
"""Targets whose layers are listed: beyond this only the ranked ones nearest the top."""
INLINE_PLOT_BYTES = 2_500_000
"""Plots beyond this are linked and not inlined, so that the page stays quick to open."""
BARS = 5
"""Targets shown in the small chart of an answer."""


@dataclass(frozen=True)
class AnswerCard:
    """An answer with the figures behind it."""

    answer: Answer
    best: TargetResult | None
    speedup: Interval | None
    bars: list[tuple[TargetResult, float]]
    """The fastest ranked targets, each with its share of the slowest one shown (percent)."""
    more: int
    """Ranked targets beyond those shown."""


@dataclass(frozen=True)
class LayerTable:
    """The slowest layers of one target."""

    target: TargetResult
    layers: list[Layer]
    rest: int
    rest_share: float
    total: int


def write_html(collected_path: str | Path, plots_folder: str | Path, out_path: str | Path) -> None:
    """Write a study's report as one HTML file without any outside resource.

    Args:
        collected_path: collected.json.
        plots_folder: what `make_plots` made.
        out_path: the file to write, usually index.html beside the plots' folder.

    Raises:
        BakeoffError: collected.json or the plots' catalogue is missing or damaged.
    """
    collected = read_record(collected_path, Collected)
    folder = Path(plots_folder)
    write_text(out_path, html_of(collected, read_plots(folder), folder, Path(out_path).parent))


def html_of(collected: Collected, plots: list[Plot], plots_folder: Path, page_folder: Path) -> str:
    """The report's HTML; `page_folder` is where it will lie, for links to the plots' files."""
    targets = in_rank_order(collected, collected.targets)
    series = {label: number if number < len(SERIES) else 1 + (number - 1) % (len(SERIES) - 1)
              for label, number in series_of(collected).items()}  # fmt: skip
    return render(
        "report.html.j2",
        SCRIPTS,
        c=collected,
        facts=headline_facts(collected),
        day=day,
        series=series,
        label_of=label_of,
        accuracy_words=accuracy_words,
        accuracy_mark=accuracy_mark,
        status_words=STATUS_WORDS,
        answers=_answers(collected, targets),
        targets=targets,
        best={(a.model, a.batch_size, a.best) for a in collected.answers if a.best},
        tied={(a.model, a.batch_size, tie) for a in collected.answers for tie in a.ties},
        widths=_widths(targets),
        choices=_choices(collected, targets),
        plots=_plots(plots, plots_folder, page_folder),
        problems=[
            (HEADLINES[status], list(group)) for status, group in groupby(problems_of(collected), lambda p: p.status)
        ],
        costs=[target for target in targets if target.build is not None or target.rounds],
        memory=_memory,
        judged=[target for target in targets if target.accuracy is not None and target.accuracy.ok],
        layer_tables=_layer_tables(targets),
        layers_left_out=len([t for t in targets if t.profile and t.profile.layers]) > TOP_TARGETS,
        top_layers=TOP_LAYERS,
        top_targets=TOP_TARGETS,
        warnings=warnings_of(collected),
        environment=environment_facts(collected),
        method=method_of(collected),
        settings=_yaml(collected.settings),
    )


def _answers(collected: Collected, targets: list[TargetResult]) -> list[tuple[str, list[AnswerCard]]]:
    """Cards by model, in the order of the answers."""
    cells: dict[tuple[str, int], list[TargetResult]] = {}
    for target in targets:
        if target.ranked and target.row.latency_ms is not None:
            cells.setdefault((target.row.model, target.row.batch_size), []).append(target)
    cards: dict[str, list[AnswerCard]] = {}
    for answer in collected.answers:
        cell = cells.get((answer.model, answer.batch_size), [])
        best = next((target for target in cell if label_of(target) == answer.best), None)
        shown = cell[:BARS]
        # The baseline is what readers know: it is always among the bars.
        baseline = next((target for target in cell[BARS:] if label_of(target) == collected.baseline), None)
        if baseline is not None:
            shown = [*cell[: BARS - 1], baseline]
        slowest = max((target.row.latency_ms or 0.0 for target in shown), default=1.0) or 1.0
        bars = [(target, round(100 * (target.row.latency_ms or 0.0) / slowest, 1)) for target in shown]
        speedup = best.speedups.get(collected.baseline) if best else None
        cards.setdefault(answer.model, []).append(AnswerCard(answer, best, speedup, bars, len(cell) - len(shown)))
    return list(cards.items())


def _widths(targets: list[TargetResult]) -> dict[int, float]:
    """Latency as a share (percent) of the slowest target of the same model and batch size, by the target's place."""
    slowest: dict[tuple[str, int], float] = {}
    for target in targets:
        key = (target.row.model, target.row.batch_size)
        slowest[key] = max(slowest.get(key, 0.0), target.row.latency_ms or 0.0)
    return {
        index: round(100 * target.row.latency_ms / slowest[(target.row.model, target.row.batch_size)], 1)
        for index, target in enumerate(targets)
        if target.row.latency_ms
    }


def _choices(collected: Collected, targets: list[TargetResult]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Name, heading and options (value, words) of each filter of the comparison table."""

    def of(values: list[Any]) -> list[tuple[str, str]]:
        return [(str(value), str(value)) for value in dict.fromkeys(values)]

    rows = [target.row for target in targets]
    statuses = [status for status in STATUS_WORDS if any(row.status == status for row in rows)]
    special = [("unranked", "not ranked")] if any(t.row.status == "ok" and not t.ranked for t in targets) else []
    special += [("warned", "with warnings")] if any(row.warnings for row in rows) else []
    special = [("ranked", "ranked"), *special] if special else []
    return [
        ("model", "Model", of([row.model for row in rows])),
        ("backend", "Backend", [(b, b) for b in series_of(collected) if any(row.backend == b for row in rows)]),
        ("precision", "Precision", of([row.precision for row in rows])),
        ("batch", "Batch", of(sorted({row.batch_size for row in rows}))),
        ("status", "Status", [(status, STATUS_WORDS[status]) for status in statuses] + special),
    ]


def _plots(
    plots: list[Plot], folder: Path, page_folder: Path
) -> list[tuple[str, list[tuple[Plot, Markup | None, str]]]]:
    """Plots by model, each with its inlined SVG (None where the page would grow too large) and its path."""
    try:
        prefix = folder.resolve().relative_to(page_folder.resolve()).as_posix()
    except ValueError:
        prefix = folder.resolve().as_uri()
    spent = 0
    groups: dict[str, list[tuple[Plot, Markup | None, str]]] = {}
    for number, plot in enumerate(plots):
        svg = themed((folder / plot.svg).read_text(), f"p{number}", str(escape(f"{plot.title}. {plot.caption}")))
        spent += len(svg.encode())
        # Made by Matplotlib, which escapes the text in it; the page's policy lets no script of it run.
        inlined = Markup(svg) if spent <= INLINE_PLOT_BYTES else None
        groups.setdefault(plot.model, []).append((plot, inlined, f"{prefix}/{plot.svg}"))
    return list(groups.items())


def _layer_tables(targets: list[TargetResult]) -> list[tuple[str, list[LayerTable]]]:
    """Layer tables by model; of a large study those of the fastest ranked targets of each cell."""
    chosen = [target for target in targets if target.profile is not None and target.profile.layers]
    if len(chosen) > TOP_TARGETS:
        place: dict[tuple[str, int], int] = {}
        placed = []
        for target in (target for target in chosen if target.ranked):  # already in rank order
            key = (target.row.model, target.row.batch_size)
            place[key] = place.get(key, 0) + 1
            placed.append((place[key], target))
        keep = {id(target) for _, target in sorted(placed, key=lambda pair: pair[0])[:TOP_TARGETS]}
        chosen = [target for target in chosen if id(target) in keep]
    tables: dict[str, list[LayerTable]] = {}
    for target in chosen:
        layers = sorted(target.profile.layers if target.profile else [], key=lambda layer: -layer.time_ms.median)
        top, rest = layers[:TOP_LAYERS], layers[TOP_LAYERS:]
        table = LayerTable(target, top, len(rest), sum(layer.share for layer in rest), len(layers))
        tables.setdefault(target.row.model, []).append(table)
    return list(tables.items())


def _memory(target: TargetResult) -> float | None:
    """Median over rounds of the host's peak resident set, in bytes."""
    peaks = [record.memory.host_rss_bytes for record in target.rounds if record.memory is not None]
    return statistics.median(peaks) if peaks else None


def _yaml(settings: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=100)
