"""All plots of a study."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.artifacts.collected import Collected
from bakeoff.artifacts.io import read_record
from bakeoff.core.cell import Cell
from bakeoff.core.processes import die_with_parent
from bakeoff.report.limits import points_of
from bakeoff.report.plots.catalogue import Plot, write_plots
from bakeoff.report.plots.style import house_style, plain, questioned, save
from bakeoff.report.targets import folders, questions_in_order

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGE = 100
"""A study of more plots than this has latency for the first and the last question of each model alone (its smallest and
largest batch size), throughput for the last."""


@dataclass(frozen=True)
class Task:
    """A plot to draw."""

    name: str
    """Of its files, without suffix."""
    kind: str
    model: str
    title: str
    draw: Callable[[], tuple[Figure, str]]
    """Gives the figure and its caption."""


def make_plots(collected: str | Path | Collected, plots_folder: str | Path, processes: int = 1) -> list[Plot]:
    """Draw every plot of a study into a folder, and write the folder's plots.json.

    Args:
        collected: collected.json, or what is in it.
        plots_folder: made where it is missing; plots of an earlier run that are not drawn again are removed.
        processes: how many share the work.

    Returns:
        The plots in the order in which a report shows them: that of all models, then model by model.

    Raises:
        BakeoffError: collected.json is missing or damaged.
    """
    if not isinstance(collected, Collected):
        collected = read_record(collected, Collected)
    folder = Path(plots_folder)
    folder.mkdir(parents=True, exist_ok=True)
    with house_style(), _results_uncollected():
        tasks = list(_tasks(collected))
        if processes == 1 or len(tasks) == 1:
            plots = [_draw(folder, task) for task in tasks]
        else:
            plots = _draw_in_parallel(folder, tasks, processes)
    write_plots(folder, plots)
    return plots


@contextmanager
def _results_uncollected() -> Iterator[None]:
    """Keep the garbage that figures leave from having all results of the study searched again and again."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _tasks(c: Collected) -> Iterator[Task]:
    from bakeoff.report.plots.bars import latency_figure, throughput_figure
    from bakeoff.report.plots.build_cost import build_figure
    from bakeoff.report.plots.layers import layers_figure
    from bakeoff.report.plots.roofline import roofline_figure
    from bakeoff.report.plots.speedup import speedup_figure

    names: set[str] = set()

    def task(kind: str, about: Cell, title: str, draw: Callable[..., tuple[Figure, str]]) -> Task:
        name = _file_name("-".join([kind, *folders(about)]), names)
        words = questioned(about) or plain(c.title, 40)
        return Task(name, kind, about.model or "", f"{words} · {title}", draw)

    points, left_out = points_of(c)
    if points:
        title = "reached (FLOP/s) under the device's roof"
        yield task("roofline", Cell(), title, partial(roofline_figure, c, points, left_out))
    asked: dict[str, list[Cell]] = {model: [] for model in c.models}
    for question in questions_in_order(c, c.targets):
        asked.setdefault(question.model or "", []).append(question)
    large = sum(2 * len(questions) + 3 for questions in asked.values()) > LARGE
    for model, questions in asked.items():
        shown = list(dict.fromkeys([questions[0], questions[-1]])) if large and questions else questions
        for question in shown:
            yield task("latency", question, "latency (ms)", partial(latency_figure, c, question))
        for question in shown[-1:] if large else shown:
            yield task("throughput", question, "throughput (items/s)", partial(throughput_figure, c, question))
        of_model = Cell(model=model)
        yield task("speedup", of_model, f"speed-up against {c.baseline} (×)", partial(speedup_figure, c, model))
        yield task("build", of_model, "build time (s) and engine size (MiB)", partial(build_figure, c, model))
        yield task("layers", of_model, "layer times (ms)", partial(layers_figure, c, model))


def _draw(folder: Path, task: Task) -> Plot:
    figure, caption = task.draw()
    svg, png = save(figure, folder, task.name)
    return Plot(task.name, task.kind, task.model, task.title, caption, svg, png)


_inherited: tuple[Path, list[Task]]
"""What forked workers find as this process left it, so that nothing large is sent to them."""


def _draw_in_parallel(folder: Path, tasks: list[Task], processes: int) -> list[Plot]:
    global _inherited
    _inherited = folder, tasks
    with get_context("fork").Pool(processes, initializer=die_with_parent) as pool:
        return pool.map(_draw_inherited, range(len(tasks)), chunksize=4)


def _draw_inherited(index: int) -> Plot:
    folder, tasks = _inherited
    return _draw(folder, tasks[index])


def _file_name(wanted: str, taken: set[str]) -> str:
    """A file name made of harmless characters, not given before."""
    name = base = re.sub(r"[^A-Za-z0-9._-]+", "_", wanted)[:120]
    number = 2
    while name in taken:
        name = f"{base}-{number}"
        number += 1
    taken.add(name)
    return name
