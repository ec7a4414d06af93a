"""Plots: files, what they show, and how they fit into a page."""

import re
import xml.etree.ElementTree as ElementTree
from importlib import resources

import pytest
from report_fixture import SCRIPT, make_collected, make_empty

from bakeoff.core.cell import Cell
from bakeoff.core.formats import format_with_interval
from bakeoff.report.plots import make_plots, read_plots
from bakeoff.report.plots.inline import themed
from bakeoff.report.plots.layers import layers_figure
from bakeoff.report.plots.style import SERIES, color_of, hatch_of, house_style, save, series_of


def _texts(path):
    return [element.text for element in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def test_each_plot_is_a_valid_svg_with_text_and_a_png(hostile):
    plots = read_plots(hostile[1] / "plots")
    assert len(plots) == 1 + 3 * (2 + 2 + 3)
    for plot in plots:
        assert any(_texts(hostile[1] / "plots" / plot.svg))
        assert (hostile[1] / "plots" / plot.png).read_bytes().startswith(b"\x89PNG")
        assert b"<dc:date>" not in (hostile[1] / "plots" / plot.svg).read_bytes()
        assert plot.caption.endswith((".", "!"))


def test_a_png_has_a_palette_that_keeps_the_colors(tmp_path):
    import numpy as np
    from matplotlib.figure import Figure
    from PIL import Image

    wanted = [color_of(number) for number in range(len(SERIES))]
    with house_style():
        figure = Figure(figsize=(4, 3))
        axes = figure.add_subplot()
        axes.barh(range(len(wanted)), range(1, len(wanted) + 1), color=wanted)
        axes.plot([0, 3], [0, 3], color="black")
        save(figure, tmp_path, "colors")
    image = Image.open(tmp_path / "colors.png")
    assert image.mode == "P"
    pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
    for color in wanted:
        rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(pixels - rgb).max(axis=1) <= 2).sum() > 500, color


def test_titles_say_units(hostile):
    units = {"latency": "(ms)", "throughput": "(items/s)", "speedup": "(×)", "build": "(s)", "layers": "(ms)",
             "roofline": "(FLOP/s)"}  # fmt: skip
    for plot in read_plots(hostile[1] / "plots"):
        assert units[plot.kind] in plot.title
        drawn = " ".join(filter(None, _texts(hostile[1] / "plots" / plot.svg)))
        assert units[plot.kind] in drawn


def test_whiskers_are_said_to_be_intervals_and_values_have_their_digits(hostile):
    plots = [p for p in read_plots(hostile[1] / "plots") if p.model == "resnet18"]
    assert {p.kind for p in plots if "whiskers are the 95 % confidence interval over rounds" in p.caption} == {
        "latency", "throughput", "speedup"
    }  # fmt: skip
    drawn = {p.kind: _texts(hostile[1] / "plots" / p.svg) for p in plots if not p.name.endswith("-b8")}
    for row in (t.row for t in hostile[0].targets if t.row.model == "resnet18" and t.row.batch_size == 1):
        if row.latency_ms is not None:
            value, _ = format_with_interval(row.latency_ms, row.latency_ci_low_ms, row.latency_ci_high_ms)
            assert value in drawn["latency"]
            value, _ = format_with_interval(row.items_per_s, row.items_per_s_ci_low, row.items_per_s_ci_high)
            assert value in drawn["throughput"]


def test_layer_times_have_no_whiskers(hostile):
    figure, caption = layers_figure(hostile[0], "resnet18")
    assert "whisker" not in caption
    assert "90 % of the layers" in caption
    rows = len(figure.axes[0].patches)
    bars = [line for line in figure.axes[0].lines if line.get_linewidth() == 4]
    assert rows > 5
    assert len(bars) == 2 * rows  # one on each side of a box
    assert len(figure.axes[0].lines) == 4 * rows  # with its median and its dots, and without caps


def test_targets_without_a_value_stay_as_marked_gaps(hostile):
    plot = next(p for p in read_plots(hostile[1] / "plots") if p.kind == "latency" and p.model == "mobilenet_v2")
    texts = _texts(hostile[1] / "plots" / plot.svg)
    assert sum("cannot run here: needs an NVIDIA GPU" in (text or "") for text in texts) == 2
    assert sum((text or "").startswith("blocked: its build failed") for text in texts) == 1
    assert sum(bool(re.fullmatch(r"tensorrt +(fp32|bf16)", text or "")) for text in texts) == 2
    assert "× marks" in plot.caption


def test_speedup_shows_only_what_may_be_ranked(hostile):
    plot = next(p for p in read_plots(hostile[1] / "plots") if p.kind == "speedup" and p.model == "mobilenet_v2")
    rows = {re.sub(" +", " ", text or "") for text in _texts(hostile[1] / "plots" / plot.svg)}
    assert "openvino fp32" in rows
    assert "openvino bf16" not in rows  # its accuracy failed
    assert "onnxruntime bf16" not in rows  # does not hold its precision


def test_mathematics_in_names_is_not_interpreted(tmp_path):
    collected = make_collected(models=1, backends=2, batch_sizes=(1,), hostile=False, layers=False)
    for target in collected.targets:
        target.row.backend = "$x^2$ and $\\frac{"
    plots = make_plots(collected, tmp_path)
    assert any("$x^2$" in (text or "") for text in _texts(tmp_path / plots[0].svg))


def test_a_backend_keeps_its_colour_and_the_baseline_is_grey(hostile):
    series = series_of(hostile[0])
    assert series["eager"] == 0
    assert sorted(series.values()) == list(range(6))
    assert len({color_of(number) for number in series.values()}) == 6
    latency, throughput = (
        (hostile[1] / "plots" / next(p.svg for p in read_plots(hostile[1] / "plots") if p.kind == kind)).read_text()
        for kind in ("latency", "throughput")
    )
    assert color_of(series["openvino"]) in latency
    assert color_of(series["openvino"]) in throughput


def test_more_backends_than_colours_are_told_apart_by_hatches():
    marks = [(color_of(number), hatch_of(number)) for number in range(3 * len(SERIES))]
    assert len(set(marks)) == len(marks)


def test_the_page_tells_backends_apart_as_the_plots_do():
    from bakeoff.report.html import _mark
    from bakeoff.report.plots.style import HATCHES

    numbers = range(1 + len(HATCHES) * (len(SERIES) - 1))
    marks = [_mark(number) for number in numbers]
    assert len(set(marks)) == len(marks)
    assert {hatch_of(number) != "" for number, mark in zip(numbers, marks, strict=True) if " h" in mark} == {True}
    css = resources.files("bakeoff.report").joinpath("static/style.css").read_text()
    for name in {name for mark in marks for name in f"s{mark}".split()}:
        assert f".{name} {{ --" in css


def test_old_plots_are_removed(tmp_path):
    make_plots(make_collected(models=1, backends=1, batch_sizes=(1, 2), hostile=False, layers=False), tmp_path)
    assert (tmp_path / "latency-resnet18-b2.svg").exists()
    (tmp_path / "mine.txt").write_text("kept")
    make_plots(make_collected(models=1, backends=1, batch_sizes=(1,), hostile=False, layers=False), tmp_path)
    assert not (tmp_path / "latency-resnet18-b2.svg").exists()
    assert (tmp_path / "mine.txt").exists()


def test_several_processes_draw_the_same(tmp_path):
    collected = make_collected(models=1, backends=2, batch_sizes=(1,), hostile=False)
    alone, together = make_plots(collected, tmp_path / "1"), make_plots(collected, tmp_path / "2", processes=2)
    assert alone == together
    assert len(alone) > 4, "more than one process takes at a time"
    for file in (file for plot in alone for file in (plot.svg, plot.png)):
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes()


def test_large_studies_have_fewer_plots():
    from bakeoff.report.plots.make import LARGE, _tasks

    sizes = (1, 2, 4, 8, 16)
    for models in (7, 8):
        tasks = list(_tasks(make_collected(models=models, backends=1, batch_sizes=sizes, hostile=False)))
        large = models * (2 * len(sizes) + 3) > LARGE
        for kind, few in (("latency", (1, 16)), ("throughput", (16,))):
            drawn = [task.name for task in tasks if task.kind == kind and task.model == "resnet18"]
            assert drawn == [f"{kind}-resnet18-b{batch}" for batch in (few if large else sizes)]


def test_long_labels_and_names_leave_room_for_the_bars(tmp_path):
    from bakeoff.report.plots.bars import latency_figure

    collected = make_collected(models=1, backends=3, batch_sizes=(1,), hostile=False, layers=False)
    for target in collected.targets:
        target.row.backend = "W" * 80
    with house_style():
        figure, _ = latency_figure(collected, Cell(model="resnet18", batch_size=1))
        save(figure, tmp_path, "long")
    box = figure.axes[0].get_position()
    assert box.width >= 0.2
    assert 0 < box.x0 < box.x1 < 1
    assert 0 < box.y0 < box.y1 < 1


def test_empty_plots_say_so(tmp_path):
    plots = make_plots(make_empty(), tmp_path)
    words = {p.kind: " ".join(filter(None, _texts(tmp_path / p.svg))) for p in plots}
    assert "needs an NVIDIA GPU" in words["latency"]
    assert "nothing could be ranked" in words["speedup"]
    assert "no layer times" in words["layers"]


def test_file_names_are_harmless_and_distinct(hostile):
    names = [plot.name for plot in read_plots(hostile[1] / "plots")]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in names)


@pytest.fixture
def drawn(tmp_path):
    from matplotlib.figure import Figure

    with house_style():
        figure = Figure(figsize=(2, 2), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=SERIES[1], marker="o")
        axes.set_title(f'{SCRIPT} fill: {SERIES[1]} id="x"')
        svg, _ = save(figure, tmp_path, "drawn")
    return (tmp_path / svg).read_text()


def test_inlined_plots_follow_the_theme_and_keep_their_text(drawn):
    inlined = themed(drawn, "p7", "a label")
    root = ElementTree.fromstring(inlined.replace("xlink:href", "href"))
    assert root.get("role") == "img"
    assert root.get("aria-label") == "a label"
    assert "var(--series-1)" in inlined
    assert "var(--plot-muted)" in inlined
    text = next(element.text for element in root.iter("text") if "script" in (element.text or ""))
    assert text == f'{SCRIPT} fill: {SERIES[1]} id="x"'  # colours in words are words
    identifiers = {element.get("id") for element in root.iter() if element.get("id")}
    references = set(re.findall(r"url\(#([^)]+)\)", inlined)) | set(re.findall(r'href="#([^"]+)"', inlined))
    assert references
    assert references <= identifiers
    assert all(identifier.startswith("p7-") for identifier in identifiers)


def test_a_hopeless_interval_does_not_hide_the_values():
    from bakeoff.report.plots.bars import latency_figure
    from bakeoff.report.plots.speedup import speedup_figure

    collected = make_collected(models=1, hostile=False, layers=False)
    worst = next(t for t in collected.targets if t.row.backend == "inductor" and t.row.batch_size == 1)
    worst.row.latency_ci_low_ms, worst.row.latency_ci_high_ms = 1e-6, 1e9
    worst.speedups["eager/fp32"].low, worst.speedups["eager/fp32"].high = 1e-9, 1e9
    longest = max(t.row.latency_ms for t in collected.targets if t.row.batch_size == 1 and t.row.latency_ms)
    with house_style():
        latency, latency_caption = latency_figure(collected, Cell(model="resnet18", batch_size=1))
        speedup, speedup_caption = speedup_figure(collected, "resnet18")
    assert longest < latency.axes[0].get_xlim()[1] < 2 * longest
    assert "An arrow marks" in latency_caption
    low, high = speedup.axes[0].get_xlim()
    assert 0.1 < low < 1
    assert 3 < high < 20
    assert 2 <= len(speedup.axes[0].get_xticks()) <= 8
    assert "cut at its edge" in speedup_caption
