"""reports/index.html: all studies, each with its answers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from bakeoff.artifacts.collected import Collected
from bakeoff.artifacts.io import read_foreign_record, write_text
from bakeoff.core.errors import BakeoffError
from bakeoff.report.facts import begun_of, headline_facts
from bakeoff.report.page import render


def write_index(collected_paths: Iterable[str | Path], out_path: str | Path) -> None:
    """Write the page that lists all studies, the latest measured first; those never measured come last.

    Studies are each other's neighbours: one whose results cannot be read, or were made by a newer Bakeoff, is listed as
    such and breaks nothing. None of the files is touched.

    Args:
        collected_paths: collected.json of each study, in the study's folder.
        out_path: usually reports/index.html; each study's report is <study>/index.html beside it.
    """
    studies: list[Collected] = []
    unreadable: list[tuple[str, str]] = []
    for path in collected_paths:
        try:
            studies.append(read_foreign_record(path, Collected))
        except BakeoffError as error:
            unreadable.append((str(path), str(error)))
    studies.sort(key=lambda collected: collected.target.study)
    studies.sort(key=lambda collected: begun_of(collected)[-1:], reverse=True)
    entries = [(study, f"{quote(study.target.study)}/index.html", headline_facts(study)) for study in studies]
    write_text(out_path, render("index.html.j2", ["static/theme.js"], studies=entries, unreadable=sorted(unreadable)))
