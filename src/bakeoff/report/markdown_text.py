"""Text as Markdown: only the signs that would otherwise be read as markup get a backslash.

The rules are those of CommonMark 0.31 (https://spec.commonmark.org/0.31.2/) and of GitHub's extensions to it (tables,
strikethrough, task lists, formulas between dollar signs, mentions). An address such as `https://example.org` stays as
it is: code hosts make a link of it that shows the same text.
"""

from __future__ import annotations

import re
from html.entities import html5

_PUNCTUATION = re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

_BLOCK_START = re.compile(
    r"""
      (?=\#{1,6}(?:[ ]|$))                  # a heading
    | (?=>)                                 # a quotation
    | (?=[-+](?:[ ]|$)) | (?=-[ -]*$)       # an item of a list; a rule
    | \d{1,9}(?=[.)](?:[ ]|$))              # a numbered item, by the sign after its number
    | (?=\[(?:.*\]:|[ xX]\](?:[ ]|$)))      # the definition of a link; the box of a task
    """,
    re.X,
)
"""Matches up to the sign that makes a block of a line which starts with it."""

_ACTIVE = re.compile(
    rf"""
      \\(?=[{_PUNCTUATION}]|$)              # a backslash says something only before punctuation
    | `                                     # any other backtick of the paragraph may close it
    | (?<![ ])[*~$] | [*~$](?![ ])          # emphasis, strikethrough and formulas, unless spaces stand on both sides
    | \](?=\()                              # ends the text of a link
    | (?:^|(?<=[ ]))\#+$                    # the closing signs of a heading
    """,
    re.X,
)
_SIGNS = re.compile(r"[\\`*_~$\[\]#&<@]")
"""Text without any of these has nothing to escape, unless a block starts with it: most text, told at once."""
_UNDERSCORES = re.compile(r"_+")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|([A-Za-z][A-Za-z0-9]*))(?:;|$)")
_TAG = re.compile(r"<(?=[A-Za-z/!?]|$)")
_MENTION = re.compile(r"(?<![^\W_])@(?=[A-Za-z0-9])")
_JOINER = "\u200d"


def escape(text: object) -> str:
    """A string of a user as one line of Markdown that shows exactly this text.

    It may stand at the start of a paragraph, of a heading or of an item, in bold, or amid other text; what follows it
    must not be a letter, a digit, or one of `([:.)`. In a table use `escape_cell`, in the text of an image
    `escape_alt`.

    White space is folded. `&` and `<` become entities where they would start one or a tag. An `@` before a name gets
    an invisible joiner, so that nobody is mentioned: no backslash prevents that.
    """
    return _escape(text)


def escape_cell(text: object) -> str:
    """The same for a cell of a table, which a bar would end."""
    return escape(text).replace("|", r"\|")


def escape_alt(text: object) -> str:
    """The same for the text of a link or an image, in which brackets stand in pairs."""
    return _escape(text, brackets=True)


def bold(markdown: str) -> str:
    """Markdown made bold; white space or a mark of punctuation must follow it."""
    return f"**{markdown}**" if markdown else ""


def code(text: object) -> str:
    """A string in the letters of code where it holds nothing that code cannot show in every place, else plain text."""
    flat = " ".join(str(text).split())
    return f"`{flat}`" if flat and not re.search(r"[`|<>&\\\0]", flat) else escape(flat)


def table(heads: list[str], rows: list[list[str]], right: set[int]) -> str:
    """A table; heads and cells are Markdown already. `right` are the columns aligned right."""
    rules = ["---:" if index in right else "---" for index in range(len(heads))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, rules, *rows])


def _escape(text: object, brackets: bool = False) -> str:
    flat = " ".join(str(text).split()).replace("\0", "\ufffd")
    if not _SIGNS.search(flat) and not _BLOCK_START.match(flat):
        return flat
    places = {match.start() for match in _ACTIVE.finditer(flat)}
    start = _BLOCK_START.match(flat)
    if start:
        places.add(start.end())
    if brackets:
        places |= {index for index, sign in enumerate(flat) if sign in "[]"}
    for run in _UNDERSCORES.finditer(flat):
        before, after = flat[: run.start()][-1:], flat[run.end() :][:1]
        within_word = before.isalnum() and after.isalnum()
        if not within_word and not before == after == " ":
            places |= set(range(run.start(), run.end()))
    signs = list(flat)
    for place in places:
        signs[place] = f"\\{flat[place]}"
    for match in _ENTITY.finditer(flat):
        if match[1] is None or f"{match[1]};" in html5:  # `R&D;` is none
            signs[match.start()] = "&amp;"
    for pattern, shown in ((_TAG, "&lt;"), (_MENTION, f"@{_JOINER}")):
        for match in pattern.finditer(flat):
            signs[match.start()] = shown
    return "".join(signs)
