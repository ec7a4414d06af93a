"""How the numbers were made."""

from __future__ import annotations

from bakeoff.report.blocks import Block, FactList
from bakeoff.report.method import method_of
from bakeoff.report.section import Context, section


@section(rank=140, title="How the numbers were made", anchor="method", nav="Method")
def method(context: Context) -> list[Block]:
    """A paragraph for each step, with the study's own settings."""
    return [FactList(method_of(context.collected), "method")]
