"""All plots of a study."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.artifacts.collected import Collected
from bakeoff.artifacts.io import read_record
from bakeoff.report.plots.catalogue import Plot, write_plots
from bakeoff.report.plots.style import house_style, plain, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def make_plots(collected: str | Path | Collected, plots_folder: str | Path) -> list[Plot]:
    """Draw every plot of a study into a folder, and write the folder's plots.json.

    Args:
        collected: collected.json, or what is in it.
        plots_folder: made where it is missing; plots of an earlier run that are not drawn again are removed.

    Returns:
        The plots in the order in which a report shows them: model by model.

    Raises:
        BakeoffError: collected.json is missing or damaged.
    """
    from bakeoff.report.plots.bars import latency_figure, throughput_figure
    from bakeoff.report.plots.build_cost import build_figure
    from bakeoff.report.plots.layers import layers_figure
    from bakeoff.report.plots.speedup import speedup_figure

    if not isinstance(collected, Collected):
        collected = read_record(collected, Collected)
    folder = Path(plots_folder)
    folder.mkdir(parents=True, exist_ok=True)
    plots: list[Plot] = []
    names: set[str] = set()

    def add(kind: str, model: str, title: str, drawn: tuple[Figure, str], batch: int | None = None) -> None:
        name = _file_name(f"{kind}-{model}" + (f"-b{batch}" if batch else ""), names)
        figure, caption = drawn
        svg, png = save(figure, folder, name)
        batch_words = f" · batch {batch}" if batch else ""
        plots.append(Plot(name, kind, model, f"{plain(model, 40)}{batch_words} · {title}", caption, svg, png))

    c = collected
    with house_style():
        for model in dict.fromkeys([*c.models, *(target.row.model for target in c.targets)]):
            batches = sorted({t.row.batch_size for t in c.targets if t.row.model == model})
            for batch in batches:
                add("latency", model, "latency (ms)", latency_figure(c, model, batch), batch)
            for batch in batches:
                add("throughput", model, "throughput (items/s)", throughput_figure(c, model, batch), batch)
            add("speedup", model, f"speed-up against {c.baseline} (×)", speedup_figure(c, model))
            add("build", model, "build time (s) and engine size (MiB)", build_figure(c, model))
            add("layers", model, "layer times (ms)", layers_figure(c, model))
    write_plots(folder, plots)
    return plots


def _file_name(wanted: str, taken: set[str]) -> str:
    """A file name made of harmless characters, not given before."""
    name = base = re.sub(r"[^A-Za-z0-9._-]+", "_", wanted)[:120]
    number = 2
    while name in taken:
        name = f"{base}-{number}"
        number += 1
    taken.add(name)
    return name
