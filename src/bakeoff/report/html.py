"""index.html: a study's report as one self-contained file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from bakeoff.artifacts.collected import Answer, Collected, Interval, TargetResult
from bakeoff.artifacts.io import read_record, write_text
from bakeoff.artifacts.profile import Layer
from bakeoff.core.formats import format_si
from bakeoff.report.details import details_of
from bakeoff.report.facts import Facts, day, environment_facts, headline_facts
from bakeoff.report.limits import EXPLANATION, SET_BY, points_of, rate_facts, uncounted
from bakeoff.report.method import method_of
from bakeoff.report.page import render
from bakeoff.report.plots.catalogue import Plot, read_plots
from bakeoff.report.plots.inline import themed
from bakeoff.report.plots.style import mark_of, series_of
from bakeoff.report.problems import HEADLINES, problems_of
from bakeoff.report.targets import STATUS_WORDS, accuracy_mark, accuracy_words, in_rank_order, label_of
from bakeoff.report.warning_texts import warnings_of

SCRIPTS = ["static/theme.js", "vendor/dataTables.min.js", "static/report.js"]

TOP_LAYERS = 12
"""Layers listed a target; the rest is summed up in one line."""
TOP_TARGETS = 200
"""Targets shown in detail: beyond this only the ranked ones nearest the top."""
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
class Detail:
    """What is known of one target beside its row, its slowest layers included."""

    number: int
    """The target's place in the comparison, which names it in links."""
    target: TargetResult
    groups: list[tuple[str, Facts]]
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


def _mark(series: int) -> str:
    """What stands behind `s` in the CSS classes of a backend: its color, and its hatch where it has one."""
    color, hatch = mark_of(series)
    return f"{color} h{hatch}" if hatch else f"{color}"


def html_of(collected: Collected, plots: list[Plot], plots_folder: Path, page_folder: Path) -> str:
    """The report's HTML; `page_folder` is where it will lie, for links to the plots' files."""
    targets = in_rank_order(collected, collected.targets)
    series = {label: _mark(number) for label, number in series_of(collected).items()}
    details = _details(targets)
    figures = dict(_plots(plots, plots_folder, page_folder))
    points, points_left_out = points_of(collected)
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
        plots=[(model, drawn) for model, drawn in figures.items() if model],
        roofline=figures.get("", []),
        rates=rate_facts(collected),
        points=points,
        points_left_out=points_left_out,
        uncounted=uncounted(collected),
        limits_explanation=EXPLANATION,
        set_by=SET_BY,
        si=format_si,
        problems=[
            (HEADLINES[status], list(group)) for status, group in groupby(problems_of(collected), lambda p: p.status)
        ],
        costs=[target for target in targets if target.build is not None or target.rounds],
        cost_columns={
            "warm": any(target.row.warm_build_s is not None for target in targets),
            "device": any(target.row.device_peak_bytes is not None for target in targets),
        },
        judged=[target for target in targets if target.accuracy is not None and target.accuracy.ok],
        details=[(model, list(group)) for model, group in groupby(details, lambda d: d.target.row.model)],
        detailed={detail.number for detail in details},
        details_left_out=len(details) == TOP_TARGETS < len(targets),
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


def _details(targets: list[TargetResult]) -> list[Detail]:
    """Details in the order of the targets; of a large study the fastest ranked of each cell come before the others."""
    found = [
        (number, target, groups)
        for number, target in enumerate(targets)
        if (groups := details_of(target)) or (target.profile is not None and target.profile.layers)
    ]
    if len(found) > TOP_TARGETS:
        place: Counter[tuple[str, int]] = Counter()
        order = []
        for entry in found:  # already in rank order
            row = entry[1].row
            place[row.model, row.batch_size] += 1
            order.append((not entry[1].ranked, place[row.model, row.batch_size], entry[0], entry))
        found = sorted((entry for *_, entry in sorted(order, key=lambda o: o[:3])[:TOP_TARGETS]), key=lambda e: e[0])
    details = []
    for number, target, groups in found:
        layers = sorted(target.profile.layers if target.profile else [], key=lambda layer: -layer.time_ms.median)
        top, rest = layers[:TOP_LAYERS], layers[TOP_LAYERS:]
        details.append(Detail(number, target, groups, top, len(rest), sum(layer.share for layer in rest), len(layers)))
    return details


def _yaml(settings: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=100)
