"""The docs name what is there: links and anchors resolve, and so do commands, files and modules."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *ROOT.glob("config/*.md"), *DOCS]

_FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2 *$", re.M | re.S)
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(<?([^()\s>]+)>?\)")
_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#{1,6} +(.*?)(?: +#+)?$", re.M)
_FOLDERS = ("src", "tests", "docs", "studies", "workflow", "scripts", "models", "envs")
"""Folders of the repository; docs name files by their path from there, or from PACKAGE."""
PACKAGE = ROOT / "src" / "bakeoff"
EXAMPLES = {"backends/onnx_reference.py", "models/sources/hub.py", "report/sections/longest_builds.py"}
"""Files that docs/adding.md makes up."""


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors that a code host makes of a page's headings."""
    found: dict[str, int] = {}
    for heading in _HEADING.findall(prose(page)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
        if found[slug]:
            found[f"{slug}-{found[slug]}"] = 0
    return set(found)


def links(page: Path) -> Iterator[str]:
    """The targets of a page's relative links and images."""
    for target in _LINK.findall(_CODE.sub("", prose(page))):
        if not re.match(r"[a-z]+:", target):
            yield target


def broken(page: Path) -> list[str]:
    """The relative links of a page that lead nowhere."""
    wrong = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            wrong.append(target)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_and_anchor_resolves(page: Path) -> None:
    assert broken(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One: `x`, two\n\n# Twice\n\n# Twice\n\n"
        "[a](#one-x-two) [b](#twice-1) [c](page.md#twice) [d](https://example.org/none) `[e](none.md)`\n"
        "```\n[f](none.md)\n```\n"
        "[g](none.md) [h](#none) [`i`](page.md#twice-2) ![j](none.png)\n"
    )
    assert broken(page) == ["none.md", "#none", "page.md#twice-2", "none.png"]


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, open_ = set(), [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    while open_:
        page = open_.pop()
        if page not in reached:
            reached.add(page)
            targets = ((page.parent / target.partition("#")[0]).resolve() for target in links(page))
            open_ += [file for file in targets if file.suffix == ".md" and file.is_file()]
    assert [page.name for page in DOCS if page not in reached] == []


def commands(pattern: str) -> dict[str, list[str]]:
    """What a pattern finds in all pages, blocks of code included: each with the pages that have it."""
    found: dict[str, list[str]] = {}
    for page in PAGES:
        for words in re.findall(pattern, page.read_text(encoding="utf-8")):
            found.setdefault(words, []).append(page.name)
    return found


def test_tools_are_started_by_their_verbs_alone() -> None:
    assert commands(r"python3? -m bakeoff\.\w[\w.]*") == {}


def test_every_verb_that_is_named_exists() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "bakeoff", "--help"],
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    known = set(re.findall(r"^  ([a-z][a-z-]*)\b", said, re.M))
    named = commands(r"python3? -m bakeoff ([a-z][a-z-]*)")
    assert named
    assert {verb: pages for verb, pages in named.items() if verb not in known} == {}


def test_every_make_target_that_is_named_exists() -> None:
    known = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M))
    named = commands(r"(?:^|`)make ([a-z][a-z-]*)")
    assert named
    assert {target: pages for target, pages in named.items() if target not in known} == {}


def names_a_file(name: str) -> bool:
    """Whether a piece of code in a page reads like a file or folder of the repository."""
    folder, slash, _ = name.partition("/")
    return bool(slash) and (folder in _FOLDERS or (PACKAGE / folder).is_dir())


def is_module(name: str) -> bool:
    """Whether there is a module `bakeoff.x`, or something of that name that a module defines or has taken in."""
    *parents, last = name.split(".")
    folder = ROOT.joinpath("src", *parents)
    if (folder / last).is_dir() or (folder / f"{last}.py").is_file():
        return True
    homes = [folder.with_suffix(".py"), folder / "__init__.py"]
    return any(re.search(rf"\b{re.escape(last)}\b", file.read_text()) for file in homes if file.is_file())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_and_module_that_is_named_exists(page: Path) -> None:
    named = [name for name in _CODE.findall(prose(page)) if not re.search(r"[<>*{}\s=]|\.\.\.", name)]
    files = {name.partition(":")[0] for name in named if names_a_file(name)} - EXAMPLES
    modules = {name for name in named if re.fullmatch(r"bakeoff(\.\w+)+", name)}
    missing = {name for name in files if not (ROOT / name).exists() and not (PACKAGE / name).exists()}
    assert missing | {name for name in modules if not is_module(name)} == set()
