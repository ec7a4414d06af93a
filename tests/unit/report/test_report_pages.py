"""index.html, report.md and the index of studies."""

import hashlib
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_fixture import HOSTILE_LAYER, HOSTILE_MODEL, SCRIPT, make_bare, make_collected, make_empty

import bakeoff.report
from bakeoff.artifacts.io import write_record
from bakeoff.collect.warnings.codes import WARNINGS
from bakeoff.core.errors import BakeoffError
from bakeoff.core.formats import TIMES, format_number, format_rate, format_with_interval
from bakeoff.report.build import write_report
from bakeoff.report.details import TOP_LAYERS, TOP_TARGETS
from bakeoff.report.html import html_of, write_html
from bakeoff.report.index import write_index
from bakeoff.report.markdown import markdown_of, write_markdown
from bakeoff.report.markdown_text import escape
from bakeoff.report.page import unbroken
from bakeoff.report.plots.make import _draw, _tasks
from bakeoff.report.plots.style import house_style
from bakeoff.report.warning_texts import explain


class Page(HTMLParser):
    """What a browser would find in a page: elements with attributes, identifiers, and the rows of the comparison."""

    VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})

    def __init__(self, text):
        super().__init__()
        self.elements, self.rows, self.open, self.texts = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "tr" and "data-model" in dict(attrs):
            self.rows.append(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open[-1:] == [tag], f"</{tag}> closes <{self.open[-1:]}>"
        self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(hostile):
    return Page((hostile[1] / "index.html").read_text())


def test_html_is_well_formed_and_every_identifier_stands_once(page):
    assert page.open == []
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) > 20
    assert len(identifiers) == len(set(identifiers))


def test_html_has_a_row_for_every_target(hostile, page):
    wanted = {(t.row.model, t.row.backend, t.row.precision, str(t.row.batch_size)) for t in hostile[0].targets}
    found = {(r["data-model"], r["data-backend"], r["data-precision"], r["data-batch"]) for r in page.rows}
    assert found == wanted
    assert len(page.rows) == len(hostile[0].targets) == 72


def test_hostile_strings_are_text_only(hostile, page):
    text = (hostile[1] / "index.html").read_text()
    assert SCRIPT not in text
    assert len(page.of("script")) == 3
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.of("img"))
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    shown = "".join(page.texts)
    assert SCRIPT in shown
    assert HOSTILE_LAYER in shown
    assert "<img src=x onerror=alert(2)>" in shown
    assert HOSTILE_MODEL in {row["data-model"] for row in page.rows}


def test_html_asks_nothing_of_the_network(page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "data", "srcset", "poster"):
            value = attributes.get(name)
            if value is not None and tag != "a":
                assert value.startswith(("#", "data:")), (tag, name, value)
            if value is not None and tag == "a":
                assert not re.match(r"(?i)\s*(https?:|javascript:|//)", value)
    policy = next(a["content"] for a in page.of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "unsafe-inline' 'sha" not in policy
    assert policy.count("'sha256-") == 3


def test_links_within_the_page_lead_somewhere(page):
    identifiers = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    targets = {a["href"][1:] for a in page.of("a") if a.get("href", "").startswith("#")}
    assert {"answers", "comparison", "plots", "problems", "method"} <= targets
    assert targets <= identifiers


def test_tables_have_captions_and_scopes(page):
    assert page.of("table")
    assert len(page.of("caption")) == len(page.of("table"))
    assert all("scope" in attributes for attributes in page.of("th"))


def test_numbers_carry_units_and_intervals(hostile, page):
    shown = "".join(page.texts)
    best = next(t for t in hostile[0].targets if t.ranked and t.row.latency_ms is not None)
    row, markdown = best.row, (hostile[1] / "report.md").read_text()
    for figures, unit in (
        ((row.latency_ms, row.latency_ci_low_ms, row.latency_ci_high_ms), ""),
        ((row.items_per_s, row.items_per_s_ci_low, row.items_per_s_ci_high), ""),
        ((row.speedup, row.speedup_ci_low, row.speedup_ci_high), TIMES),
    ):
        value, ends = format_with_interval(*figures, unit)
        assert f"{value}{ends}" in shown
        assert f"{value}** [{ends}]" in markdown or f"{value} [{ends}]" in markdown
    for words in (
        "ms a batch",
        "iterations/s",
        "images/s, pipelined",
        "vs eager/fp32",
        "vs torchscript/fp32",
        "MiB",
        "dB",
    ):
        assert words in shown


def test_the_environment_says_whose_python_and_commit_it_shows(hostile):
    for file in ("index.html", "report.md"):
        assert "those of the job that recorded the environment" in (hostile[1] / file).read_text()


def test_the_mean_stands_with_its_inverse(hostile, page):
    shown, markdown = "".join(page.texts), (hostile[1] / "report.md").read_text()
    for row in (target.row for target in hostile[0].targets if target.row.mean_ms):
        assert row.iterations_per_s == pytest.approx(1000 / row.mean_ms)
        mean, rate = format_number(row.mean_ms), format_rate(row.iterations_per_s)
        assert f"{mean}{rate}/s" in shown
        assert f"| {mean}, {rate}/s |" in markdown


def test_every_answer_is_in_words_in_html_and_markdown(hostile, page):
    shown = "".join(page.texts)
    markdown = (hostile[1] / "report.md").read_text()
    for answer in hostile[0].answers:
        assert answer.words in shown
        assert escape(answer.words) in markdown


def test_what_a_second_run_gave_has_a_column_where_it_is_known(hostile, page, tmp_path):
    assert "Run again" in page.texts
    assert "4.0e-04" in page.texts
    older = hostile[0].model_copy(deep=True)
    for target in older.targets:
        if target.accuracy:
            target.accuracy.repeat_relative_l2 = None
    assert "Run again" not in html_of(older, [], tmp_path, tmp_path)


def test_intervals_are_not_broken_over_lines():
    words = "0.175 ms, 11.3× <eager> [8.86–14.3], outputs agree [not to 2 – 3 dB]"
    assert unbroken(words) == (
        '0.175 ms, 11.3× &lt;eager&gt; <span class="nowrap">[8.86–14.3]</span>, outputs agree [not to 2 – 3 dB]'
    )


def test_what_did_not_run_is_listed_with_reason_and_log(hostile, page):
    shown = "".join(page.texts)
    markdown = (hostile[1] / "report.md").read_text()
    for words in (
        "needs an NVIDIA GPU",
        "SIGSEGV",
        "build.log",
        "does not compute in bf16",
        "failed the accuracy check",
    ):
        assert words in shown
        assert escape(words) in markdown or words in markdown


def test_an_unknown_warning_shows_its_code(hostile, page):
    assert "warning-made-up-code" in {a.get("id") for _, a in page.elements}
    assert "made-up-code" in (hostile[1] / "report.md").read_text()


def test_warnings_are_explained_by_the_code_that_raises_them(hostile, page):
    raised = {code for target in hostile[0].targets for code in target.row.warnings}
    shown = "".join(page.texts)
    markdown = (hostile[1] / "report.md").read_text()
    for code in raised & WARNINGS.keys():
        for words in (WARNINGS[code].headline, WARNINGS[code].what_to_do):
            assert words in shown
            assert escape(words) in markdown
    assert explain("from-another-version") == ("from-another-version", "")
    assert len(raised & WARNINGS.keys()) == 2


def test_markdown_has_a_row_for_every_target_and_only_whole_tables(hostile):
    lines = (hostile[1] / "report.md").read_text().splitlines()
    start = lines.index("## Comparison")
    table = [line for line in lines[start : lines.index("## Plots")] if line.startswith("|")]
    columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table}
    assert len(table) == 2 + len(hostile[0].targets)
    assert columns == {2 + 7 + 2 + 2 - 1}  # bars of 7 columns, 2 speed-ups, accuracy and status


def test_markdown_escapes_what_users_wrote(hostile):
    text = (hostile[1] / "report.md").read_text()
    assert "<" not in text
    assert "&lt;script>" in text
    rendered = escape("a|b <b> `c`\nd *e* _f_ $g$ [h](i) @someone & \\")
    assert rendered == "a|b &lt;b> \\`c\\` d \\*e\\* \\_f\\_ \\$g\\$ [h\\](i) @\u200dsomeone & \\\\"


def test_markdown_images_exist(hostile):
    images = re.findall(r"!\[[^\n]*\]\(([^)]+)\)$", (hostile[1] / "report.md").read_text(), re.M)
    assert len(images) == 22
    assert all((hostile[1] / image).is_file() and image.startswith("plots/") for image in images)


@pytest.mark.parametrize("make", [make_empty, make_bare])
def test_a_study_in_which_nothing_ran_has_a_report(make, tmp_path):
    write_record(tmp_path / "collected.json", make())
    write_report(tmp_path / "collected.json", tmp_path / "report")
    text = (tmp_path / "report" / "index.html").read_text()
    page = Page(text)
    assert page.open == []
    if make is make_empty:
        assert "needs an NVIDIA GPU" in text
        assert len(page.of("svg")) == 5
        assert len(page.rows) == 1
    else:
        assert "it has no targets" in text
        assert not page.of("svg")
    assert (tmp_path / "report" / "report.md").read_text().startswith("# Quickstart\n")


def test_the_same_results_make_the_same_files(hostile, tmp_path):
    """One plot of each kind is drawn again: the others of its kind are drawn by the same code."""
    first, collected = hostile[1], hostile[1].parent / "collected.json"
    write_html(collected, first / "plots", first / "again.html")
    write_markdown(collected, first / "plots", first / "again.md")
    for again, before in (("again.html", "index.html"), ("again.md", "report.md")):
        assert (first / again).read_bytes() == (first / before).read_bytes()
        (first / again).unlink()
    with house_style():
        tasks = {task.kind: task for task in _tasks(hostile[0])}
        plots = [_draw(tmp_path, task) for task in tasks.values()]
    assert len(plots) == 6
    for file in (file for plot in plots for file in (plot.svg, plot.png)):
        assert (tmp_path / file).read_bytes() == (first / "plots" / file).read_bytes()


def test_a_large_study_stays_small_and_says_what_it_left_out(tmp_path):
    collected = make_collected(models=20, backends=10, batch_sizes=(1, 2, 4, 8, 16), hostile=False)
    assert len(collected.targets) == 2000
    text = html_of(collected, [], tmp_path, tmp_path)
    assert len(text.encode()) < 5_000_000  # leaves room for the plots' share of the 8 MB
    assert f"only {TOP_TARGETS} targets are listed" in text
    page = Page(text)
    assert len(page.rows) == 2000
    assert sum(a.get("class") == "one" for a in page.of("details")) == TOP_TARGETS
    assert markdown_of(collected, [], "plots").count("\n| ") > 2000


def test_only_the_slowest_layers_are_listed(hostile):
    text = (hostile[1] / "index.html").read_text()
    body = re.search(r'<details class="one".*?<tbody>(.*?)</tbody>', text, re.S)[1]
    shares = [float(x) for x in re.findall(r"([\d.]+) %<i", body)]
    assert len(shares) == TOP_LAYERS
    assert shares == sorted(shares, reverse=True)
    assert "other layers" in body


def test_plots_beyond_the_budget_are_linked(hostile, tmp_path, monkeypatch):
    monkeypatch.setattr("bakeoff.report.html.INLINE_PLOT_BYTES", 40_000)
    write_html(hostile[1].parent / "collected.json", hostile[1] / "plots", hostile[1].parent / "report" / "small.html")
    out = hostile[1] / "small.html"
    page = Page(out.read_text())
    out.unlink()
    links = [a["href"] for a in page.of("a") if a.get("href", "").endswith(".svg")]
    assert 0 < len(page.of("svg")) < 22
    assert len(links) + len(page.of("svg")) == 22
    assert all((hostile[1] / link).is_file() for link in links)


def test_damaged_or_missing_input_is_one_clear_message(tmp_path):
    with pytest.raises(BakeoffError, match="missing"):
        write_html(tmp_path / "collected.json", tmp_path, tmp_path / "index.html")
    write_record(tmp_path / "collected.json", make_empty())
    with pytest.raises(BakeoffError, match="make the plots first"):
        write_html(tmp_path / "collected.json", tmp_path, tmp_path / "index.html")
    (tmp_path / "plots.json").write_text("[{]")
    with pytest.raises(BakeoffError, match="damaged"):
        write_html(tmp_path / "collected.json", tmp_path, tmp_path / "index.html")
    assert not (tmp_path / "index.html").exists()


def test_the_index_lists_all_studies_the_latest_measured_first(tmp_path):
    first = make_collected(models=3)
    later = make_collected(models=1, backends=1, hostile=False)
    for record in (record for target in later.targets for record in target.rounds):
        record.begun = record.begun.replace("2026-11-20", "2026-11-24")
    never = make_empty()
    first.made = "2026-11-30T00:00:00+00:00"  # collected again after the others
    studies = {"quickstart": first, "a-never": never, "later": later}
    for name, collected in studies.items():
        collected = collected.model_copy(update={"target": collected.target.at(study=name)})
        write_record(tmp_path / f"{name}.json", collected)
    write_index([tmp_path / f"{name}.json" for name in studies], tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text()
    page = Page(text)
    assert SCRIPT not in text
    links = [a["href"] for a in page.of("a") if a["href"].endswith("index.html")]
    assert links == ["later/index.html", "quickstart/index.html", "a-never/index.html"]
    assert first.answers[0].words in "".join(page.texts)
    write_index([], tmp_path / "empty.html")
    assert "No study has a report yet" in (tmp_path / "empty.html").read_text()


UNREADABLE = {
    "no JSON": (b"{", "is damaged"),
    "empty": (b"", "is damaged"),
    "other JSON": (b'{"schema": "somebody/else/1"}', "is damaged"),
    "a list": (b"[1, 2]", "is damaged"),
    "no UTF-8": (b"\xff\xfe{}", "is damaged"),
    "newer": (b'{"schema": "bakeoff/collected/99"}', "was made by a newer Bakeoff (schema bakeoff/collected/99;"),
}


@pytest.mark.parametrize("content", UNREADABLE)
def test_a_neighbour_that_cannot_be_read_is_listed_as_such_and_not_touched(tmp_path, content):
    data, told = UNREADABLE[content]
    good, bad = tmp_path / "good" / "collected.json", tmp_path / "bad" / "collected.json"
    for path in (good, bad):
        path.parent.mkdir()
    write_record(good, make_collected(hostile=False))
    bad.write_bytes(data)
    before = [path.stat().st_mtime_ns for path in (good, bad)]
    write_index([bad, good], tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text()
    assert "quickstart/index.html" in text
    shown = text.partition("Not shown")[2]
    assert str(bad) in shown
    assert told in unescape(shown)
    assert [path.stat().st_mtime_ns for path in (good, bad)] == before


def test_a_folder_in_the_place_of_a_neighbours_results_is_listed(tmp_path):
    (tmp_path / "collected.json").mkdir()
    write_index([tmp_path / "collected.json", tmp_path / "gone.json"], tmp_path / "index.html")
    shown = (tmp_path / "index.html").read_text().partition("Not shown")[2]
    assert "cannot be read: is a directory" in shown
    assert "cannot be read: no such file or directory" in shown


def test_vendored_files_are_as_recorded():
    vendor = Path(bakeoff.report.__file__).parent / "vendor"
    recorded = dict(re.findall(r"^\| `([^`]+)` \|.*`([0-9a-f]{64})` \|$", (vendor / "VENDORED.md").read_text(), re.M))
    assert recorded.keys() == {p.name for p in vendor.iterdir()} - {"VENDORED.md"}
    for name, sha256 in recorded.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == sha256
