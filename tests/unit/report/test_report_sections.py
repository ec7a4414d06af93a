"""Sections: found by being there, made once, rendered twice; the axes of the matrix come from their declaration."""

import dataclasses
import sys

import pytest
from report_fixture import SCRIPT, make_collected
from test_report_pages import Page

from bakeoff.core.cell import AXES, Axis
from bakeoff.report import blocks, sections
from bakeoff.report.blocks import Block, Text
from bakeoff.report.html import BlockWriter as HtmlWriter
from bakeoff.report.html import html_of
from bakeoff.report.markdown import BlockWriter as MarkdownWriter
from bakeoff.report.markdown import markdown_of
from bakeoff.report.markdown_text import escape_cell
from bakeoff.report.page import HERE
from bakeoff.report.section import Context
from bakeoff.report.tables import axis_cells, axis_columns
from bakeoff.report.targets import TARGET_AXES

THROWAWAY = '''
"""A section of a test."""

from bakeoff.report.blocks import Column, Datum, FactList, Heading, Paragraph, Table, TableRow, Text
from bakeoff.report.section import Context, section


@section(rank=45, title="Made for a test", anchor="throwaway", nav="Test")
def throwaway(context: Context):
    """Facts and a table."""
    rows = [TableRow([Datum(answer.model), Datum("2.5", interval="2–3", order=2.5)])
            for answer in context.collected.answers]
    columns = [Column("Model", kind="name"), Column("Cost", "a month", number=True)]
    return [
        Paragraph(("Nothing ", Text("bold", strong=True), " about it."), kind="lead"),
        FactList([("Answers", str(len(rows)))]),
        Heading("In rows", "one each"),
        Table("throwaway", "Costs", columns, rows),
    ]
'''


@pytest.fixture
def throwaway(tmp_path, monkeypatch):
    """A section that lies in a file of its own."""
    (tmp_path / "throwaway.py").write_text(THROWAWAY)
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(tmp_path)])
    sections.all_sections.cache_clear()
    yield
    sections.all_sections.cache_clear()
    sys.modules.pop("bakeoff.report.sections.throwaway", None)


@pytest.fixture(scope="module")
def collected():
    return make_collected(models=1, backends=2, hostile=False, layers=False)


def test_a_section_is_one_file(throwaway, collected, tmp_path):
    html, markdown = html_of(collected, [], tmp_path, tmp_path), markdown_of(collected, [], "plots")
    page = Page(html)
    assert page.open == []
    links = [attributes["href"] for attributes in page.of("a") if attributes["href"].startswith("#")]
    assert links.index("#problems") < links.index("#throwaway") < links.index("#accuracy")
    assert html.index('<section id="problems"') < html.index('<section id="throwaway"') < html.index('id="accuracy"')
    assert "Nothing <b>bold</b> about it." in html
    assert '2.5<span class="ci">2–3</span>' in html
    lines = markdown.splitlines()
    start = lines.index("## Made for a test")
    assert lines.index("## What did not run, and why") < start < lines.index("## Accuracy")
    assert lines[start + 2 : start + 13] == [
        "Nothing **bold** about it.", "", "- **Answers:** 2", "", "### In rows", "", "One each.", "",
        "| Model | Cost a month |", "| --- | ---: |", "| resnet18 | 2.5 [2–3] |",
    ]  # fmt: skip


def test_two_sections_of_one_anchor_are_refused(tmp_path, monkeypatch):
    (tmp_path / "twin.py").write_text(THROWAWAY.replace('anchor="throwaway"', 'anchor="answers"'))
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(tmp_path)])
    sections.all_sections.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"twin.py: another section has the anchor 'answers' already"):
            sections.all_sections()
    finally:
        sections.all_sections.cache_clear()
        sys.modules.pop("bakeoff.report.sections.twin", None)


def test_sections_have_ranks_and_anchors_of_their_own():
    kinds = sections.all_sections()
    assert [kind.anchor for kind in kinds] == [
        "answers", "comparison", "published", "plots", "problems", "accuracy", "predictions", "limits", "cost",
        "clocks", "dynamic", "details", "engines", "warnings", "environment", "method", "config",
    ]  # fmt: skip
    assert len({kind.rank for kind in kinds}) == len(kinds)
    assert {kind.anchor for kind in kinds if not kind.markdown} == {"details", "config"}
    assert {kind.anchor for kind in kinds if not kind.html} == {"clocks", "engines"}


def test_every_kind_of_block_has_both_renderings():
    kinds = [k for k in vars(blocks).values() if isinstance(k, type) and issubclass(k, Block) and k is not Block]
    assert len(kinds) > 10
    assert set(kinds) == set(MarkdownWriter("plots")._writers)
    templates = {path.name.removesuffix(".html.j2").replace("_", "") for path in (HERE / "templates/blocks").iterdir()}
    assert templates == {kind.__name__.lower() for kind in kinds}


def test_html_escapes_every_part_of_a_text():
    writer = HtmlWriter({SCRIPT: "1"}, {}, "plots")
    text = Text(SCRIPT, look=f'"{SCRIPT}', link=f'"{SCRIPT}', hint=f'"{SCRIPT}', spoken=SCRIPT, series=SCRIPT)
    datum = blocks.Datum((text, SCRIPT), interval=SCRIPT, strong=True, meter=(SCRIPT, 5))
    for found in (writer.inline(text), writer.inline((SCRIPT, text)), writer.datum(datum)):
        assert "<script" not in found
        assert '""' not in found
        assert "&lt;script&gt;" in found


def test_what_is_for_one_output_is_left_out_of_the_other():
    content = [
        blocks.Paragraph("both"),
        blocks.Paragraph("page", only="html"),
        blocks.Paragraph("text", only="markdown"),
    ]
    words = ("a", Text("b", only="html"), Text("c", only="markdown"))
    html, markdown = HtmlWriter({}, {}, "plots"), MarkdownWriter("plots")
    assert html.write([*content, blocks.Paragraph(words)]).split() == ["<p>both</p>", "<p>page</p>", "<p>ab</p>"]
    assert markdown.write([*content, blocks.Paragraph(words)]) == ["both", "text", "ac"]


def test_both_outputs_have_the_same_figures(hostile):
    """The tables that both show have the same cells, each in its own way of writing."""
    context = Context(hostile[0], [])
    html, markdown = (hostile[1] / "index.html").read_text(), (hostile[1] / "report.md").read_text()
    checked = 0
    for kind in sections.all_sections():
        for block in kind.make(context).blocks if kind.html and kind.markdown and kind.make(context) else []:
            table = block.table if isinstance(block, blocks.Comparison) else block
            if isinstance(table, blocks.Table):
                plain = [cell.words for row in table.rows for cell in row.cells if isinstance(cell.words, str)]
                checked += len(plain)
                for words in set(plain):
                    assert str(HtmlWriter({}, {}, "").inline(words)) in html
                    assert escape_cell(words) in markdown
    assert checked > 500


def test_a_new_axis_is_a_column_and_a_word():
    """Tables take their leading columns and the words of a narrow screen from the axes that are declared."""
    streams = Axis(
        "streams", "question", "Streams", "streams", r"\d+", int, lambda study, cell: [1], "s{}", "{} streams"
    )
    axes = (*AXES[:4], streams)
    columns = axis_columns(axes)
    assert [column.heading for column in columns] == ["Model", "Backend", "Precision", "Batch", "Streams"]
    assert (columns[-1].kind, columns[-1].number) == ("axis", True)

    @dataclasses.dataclass(frozen=True)
    class Wider:
        model: str = "m"
        backend: str = "b"
        precision: str = "fp32"
        batch_size: int = 8
        streams: int = 2

        def items(self):
            return ((axis, getattr(self, axis.name)) for axis in axes)

    cells = axis_cells(axes, Wider())
    assert [cell.words for cell in (cells[0], *cells[2:])] == ["m", "fp32", "8", "2"]
    assert cells[1].words[0].words == "m · fp32 · b8 · s2"


def test_filters_and_what_they_find_come_from_the_axes(collected):
    [comparison] = [kind for kind in sections.all_sections() if kind.anchor == "comparison"]
    block = comparison.make(Context(collected)).blocks[-1]
    names = [axis.wildcard for axis in TARGET_AXES]
    assert [filter.name for filter in block.filters] == [*names, "status"]
    assert [filter.heading for filter in block.filters] == [*(axis.heading for axis in TARGET_AXES), "Status"]
    for row in block.table.rows:
        assert set(row.filters) == {*names, "status"}
    assert {row.filters["batch"] for row in block.table.rows} == {value for value, _ in block.filters[3].options}
