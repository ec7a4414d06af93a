"""What the warnings of the study mean."""

from __future__ import annotations

from urllib.parse import quote

from bakeoff.core.cell import Cell
from bakeoff.report.blocks import Block, Entries, Entry
from bakeoff.report.section import Context, section
from bakeoff.report.warning_texts import Warned, warnings_of

LISTED = 60
"""Targets listed for a warning."""


@section(rank=120, title="Warnings explained", anchor="warnings", nav="Warnings")
def warnings(context: Context) -> list[Block] | None:
    """Each code once, the most frequent first; None where no target carries one."""
    entries = [_entry(warned) for warned in warnings_of(context.collected)]
    return [Entries(entries, "explained")] if entries else None


def _entry(warned: Warned) -> Entry:
    names = [Cell.of(target.row).words() for target in warned.targets[:LISTED]]
    remedy = warned.remedy or "This version of Bakeoff has no explanation for this code."
    anchor = f"warning-{quote(warned.code)}"
    return Entry(warned.headline, remedy, names, len(warned.targets), code=warned.code, anchor=anchor)
