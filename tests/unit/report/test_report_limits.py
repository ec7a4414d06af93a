"""How close to the hardware: the section, its plot, and what is said where nothing is known."""

import xml.etree.ElementTree as ElementTree

import pytest
from report_fixture import HOSTILE_MODEL, make_collected, make_empty
from test_report_pages import Page

from bakeoff.core.formats import format_si
from bakeoff.report.details import details_of
from bakeoff.report.html import html_of
from bakeoff.report.limits import LARGEST, points_of, rate_facts, uncounted
from bakeoff.report.markdown import markdown_of
from bakeoff.report.markdown_text import escape
from bakeoff.report.plots import read_plots
from bakeoff.report.plots.make import _tasks


def texts(path):
    return [element.text or "" for element in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def pages(collected, folder):
    return html_of(collected, [], folder, folder), markdown_of(collected, [], "plots")


@pytest.mark.parametrize(
    ("value", "text"), [(3.628e9, "3.63 GFLOP"), (999.4, "999 FLOP"), (999.9, "1.00 kFLOP"), (7.2e14, "720 TFLOP"),
                        (1.5e15, "1.50 PFLOP"), (0, "0 FLOP")]
)  # fmt: skip
def test_large_quantities(value, text):
    assert format_si(value, "FLOP").replace("\u202f", " ") == text


def test_a_point_is_what_the_target_reaches():
    collected = make_collected(hostile=False, gpu=True, precisions=("fp32", "fp16", "int8"))
    points, left_out = points_of(collected)
    assert left_out == 0
    point = next(p for p in points if p.target.row.precision == "fp16" and p.target.row.batch_size == 8)
    row = point.target.row
    assert row.model == "resnet18"
    assert point.flops == 8 * 3_628_146_688
    assert point.bytes == 2 * (11_689_512 + 8 * 151_528)
    assert point.ms == row.device_ms != row.latency_ms
    assert point.flops_per_s == pytest.approx(point.flops / (row.device_ms / 1000))
    roof = min(7e14, point.intensity * 4.1e12)
    assert point.flops_per_s / roof == pytest.approx(row.share_of_limit)
    assert "int8" not in {p.target.row.precision for p in points}, "it has no rate"


def test_the_roofline_is_drawn_with_a_panel_for_each_precision(hostile):
    folder = hostile[1]
    plot = next(p for p in read_plots(folder / "plots") if p.kind == "roofline")
    assert (plot.name, plot.model) == ("roofline", "")
    drawn = [text.replace("\u202f", " ") for text in texts(folder / "plots" / plot.svg)]
    assert "fp32 · 600 GFLOP/s, 24.0 GB/s" in drawn
    assert "bf16 · 1.90 TFLOP/s, 24.0 GB/s" in drawn
    assert {"resnet18", "mobilenet_v2", "eager", "openvino"} <= set(drawn)
    assert "tensorrt" not in drawn, "it was not timed"
    assert "Pale marks are not ranked" in plot.caption
    assert (folder / "plots" / plot.png).read_bytes().startswith(b"\x89PNG")


def test_html_and_markdown_have_the_section(hostile):
    collected, folder = hostile
    page = Page((folder / "index.html").read_text())
    shown = "".join(page.texts)
    markdown = (folder / "report.md").read_text()
    assert "plot-roofline" in {attributes.get("id") for attributes in page.of("figure")}
    assert "plots/roofline.png" in markdown
    best = points_of(collected)[0][0].target.row
    share = f"{100 * best.share_of_limit:.1f} %"
    for words in ("How close to the hardware", "Williams, Waterman and Patterson", "600\u202fGFLOP/s", share):
        assert words in shown
        assert escape(words) in markdown or words in markdown
    assert f"{HOSTILE_MODEL} has no limit: the operations are unknown" in shown
    assert "### \n" not in markdown


def test_many_targets_are_thinned_to_the_nearest_of_each_model_and_precision(tmp_path):
    collected = make_collected(models=4, backends=10, hostile=False, layers=False)
    every = [t for t in collected.targets if t.row.share_of_limit is not None]
    points, left_out = points_of(collected)
    assert len(every) > LARGEST >= len(points)
    assert len(points) + left_out == len(every)
    assert len({(p.target.row.model, p.target.row.precision) for p in points}) == len(points)
    for point in points:
        row = point.target.row
        rivals = [t for t in every if (t.row.model, t.row.precision) == (row.model, row.precision) and t.ranked]
        assert point.target.ranked
        assert row.share_of_limit == max(t.row.share_of_limit for t in rivals)
    html, markdown = pages(collected, tmp_path)
    assert f"the other {left_out} are in results.csv" in html
    assert f"the other {left_out} are in results.csv" in markdown


def test_details_of_a_target_say_its_share():
    target = next(t for t in make_collected(hostile=False).targets if t.row.share_of_limit is not None)
    facts = dict(dict(details_of(target))["Limit of the hardware"])
    assert facts["Shortest time"].endswith(", set by operations")
    assert facts["Share reached"] == f"{100 * target.row.share_of_limit:.1f} %"
    target.row.limit_ms = None
    assert "Limit of the hardware" not in dict(details_of(target))


def test_a_study_without_rates_has_no_section(tmp_path):
    collected = make_collected(models=1, hostile=False, layers=False)
    collected.environment.limits = None
    for target in collected.targets:
        target.row.limit_ms = target.row.share_of_limit = target.row.bound = None
    assert rate_facts(collected) == []
    assert not [task for task in _tasks(collected) if task.kind == "roofline"]
    for text in pages(collected, tmp_path):
        assert "How close to the hardware" not in text


def test_rates_without_targets_are_shown(tmp_path):
    collected = make_empty()
    assert not [task for task in _tasks(collected) if task.kind == "roofline"]
    for text in pages(collected, tmp_path):
        assert "600 GFLOP/s" in text.replace("\u202f", " ")
        assert "No target has both a known limit and a measured time." in text


def test_rates_that_are_not_known_say_why():
    collected = make_collected(models=1, hostile=False, gpu=True, precisions=("fp32", "int8"))
    collected.environment.limits.how["int8"] = "RuntimeError: not here"
    collected.environment.limits.copy_bytes_per_s = None
    facts = dict(rate_facts(collected))
    assert facts["int8"] == "not known (RuntimeError: not here)"
    assert facts["Copy bandwidth"].startswith("not known")
    assert uncounted(collected) == []
