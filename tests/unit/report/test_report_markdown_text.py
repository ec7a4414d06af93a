"""Text in Markdown: whatever a user wrote shows as exactly that, and plain names stay readable in the source."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bakeoff.report.markdown_text import bold, code, escape, escape_alt, escape_cell, table

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
JOINER = "\u200d"

SIGNS = st.text(alphabet="\\`*_{}[]()#+-.!|~$@&<>=:;\"'/?^%, \n\tab1X;lt", max_size=30)
FEWER = settings(max_examples=60, deadline=None)

TEXTS = st.one_of(SIGNS, st.text(max_size=40), st.lists(st.sampled_from(
    ["**", "__", "~~", "](", "[a]", "](b)", "![", "&lt;", "&#35", "<b>", "<!--", "`", "``", "\\", "|", "---", "***",
     "1.", "2)", "# ", "#", "- ", "+ ", "> ", "[ ] ", "[x]: y", "http://a.b", "<http://a.b>", "@me", "a@b.c", "$x$",
     " ", "word", "_", "*", "7", "(", ")"]
), max_size=8).map("".join))  # fmt: skip

CONTEXTS = {
    "paragraph": (escape, "{}"),
    "item": (escape, "- {}"),
    "bold item": (lambda text: bold(escape(text)), "- {} and more"),
    "name of a fact": (lambda text: bold(escape(text) + ":"), "- {} and more"),
    "reason": (lambda text: bold(escape(text)), "- {} (`Error`)"),
    "heading": (escape, "### {}"),
    "cell": (escape_cell, "| a | b |\n| --- | ---: |\n| {} | x |"),
    "bold cell": (lambda text: bold(escape_cell(text)), "| a | b |\n| --- | ---: |\n| x | {} |"),
    "code": (code, "- {} after"),
    "code in a cell": (lambda text: escape_cell(text) if "|" in text else code(text), "| {} | b |\n| --- | --- |"),
}


def folded(text):
    """The text as it should show: on one line, without what no Markdown can hold, without invisible joiners."""
    return " ".join(text.split()).replace("\0", "\ufffd").replace(JOINER, "")


def shown(markdown):
    """(the texts of each paragraph, item, heading and cell; the kinds of markup in them, bold and code apart)."""
    texts, markup = [], set()
    for token in MARKDOWN.parse(markdown):
        if token.type != "inline":
            continue
        texts.append("".join(child.content for child in token.children).replace(JOINER, ""))
        markup |= {child.type for child in token.children}
    return texts, markup


def skeleton(markdown):
    return [token.type for token in MARKDOWN.parse(markdown)]


@pytest.mark.parametrize("context", CONTEXTS)
@FEWER
@given(text=TEXTS)
@example(text="a\\|b")
@example(text="\\")
@example(text="[x]: y")
@example(text="a&lt")
@example(text="*")
@example(text="snake_case_ _x_ __init__ a_b")
@example(text="- - -")
@example(text="1986. A great year")
@example(text="# #")
@example(text="C:\\dir\\*")
def test_any_text_shows_as_itself(context, text):
    write, frame = CONTEXTS[context]
    wanted = folded(text)
    if not wanted:
        return
    markdown = frame.format(write(text))
    plain = frame.format(write("word"))
    texts, markup = shown(markdown)
    assert texts == [words.replace("word", wanted) for words in shown(plain)[0]]
    allowed = {"text", "text_special"} | shown(plain)[1] | ({"code_inline"} if "code" in context else set())
    assert markup <= allowed
    assert skeleton(markdown) == skeleton(plain), "no block of its own"


@FEWER
@given(text=TEXTS)
def test_any_text_may_describe_an_image(text):
    [inline] = [token for token in MARKDOWN.parse(f"![{escape_alt(text)}](plots/a.png)") if token.type == "inline"]
    [image] = inline.children
    assert image.type == "image"
    assert folded("".join(child.content for child in image.children or [])) == folded(text)
    assert {child.type for child in image.children or []} <= {"text", "text_special"}


@FEWER
@given(texts=st.lists(TEXTS.filter(lambda text: folded(text)), min_size=1, max_size=3))
def test_texts_beside_one_another_do_not_act_together(texts):
    markdown = "- " + "; ".join(map(escape, texts)) + " end"
    shows, markup = shown(markdown)
    assert shows == ["; ".join(map(folded, texts)) + " end"]
    assert markup <= {"text", "text_special"}


@pytest.mark.parametrize("text", [
    "2026-11-22", "2026-11-22 09:30 UTC", "inductor-tuned", "1.5", "-1.5", "(x)", "mobilenet_v2", "torch==2.14.1+cpu",
    "resnet18 · openvino fp32 · batch 8", "2.41× [2.37–2.49]", "[8.86–14.3]", "+4.2 %",
    "Intel(R) Xeon(R) CPU @ 2.70GHz",
    "a < b > c", "R&D", "AT&T; more", "C#", "what? yes!", "a - b + c * d", "{'threads': 2}",
    "aten.nonzero.default (2×)",
    "models/mine.py:make", "https://example.org/a_b-c", "someone@example.org", "C:\\dir", "a = b | c",
])  # fmt: skip
def test_ordinary_names_dates_and_numbers_are_readable_in_the_source(text):
    assert escape(text) == text
    assert escape_alt(text).replace("\\[", "[").replace("\\]", "]") == text


@pytest.mark.parametrize(("text", "written"), [
    ("1. one", "1\\. one"), ("3) x", "3\\) x"), ("- x", "\\- x"), ("# x", "\\# x"), ("> x", "\\> x"),
    ("x #", "x \\#"), ("*e*", "\\*e\\*"), ("_f_", "\\_f\\_"), ("~~g~~", "\\~\\~g\\~\\~"), ("$h$", "\\$h\\$"),
    ("`c`", "\\`c\\`"), ("[h](i)", "[h\\](i)"), ("<b>", "&lt;b>"), ("&amp;", "&amp;amp;"), ("a\\*", "a\\\\\\*"),
    ("ask @someone", "ask @\u200dsomeone"), ("a\nb\t c", "a b c"), ("[ ] task", "\\[ ] task"),
])  # fmt: skip
def test_what_would_be_markup_is_not(text, written):
    assert escape(text) == written


def test_bars_end_no_cell():
    assert escape("a|b") == "a|b"
    assert escape_cell("a|b") == "a\\|b"
    rows = table(["a|b".replace("|", "\\|")], [[escape_cell("c\\|d|")]], right=set())
    assert shown(rows)[0] == ["a|b", "c\\|d|"]


def test_code_is_written_as_such_only_where_it_shows():
    assert code("results/a_b/build.log") == "`results/a_b/build.log`"
    assert code("a`b") == "a\\`b"
    assert code("<b>") == "&lt;b>"
    assert code("") == ""
