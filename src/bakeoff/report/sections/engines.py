"""What is in each engine, a line each. HTML has it in the details of each target."""

from __future__ import annotations

from bakeoff.core.cell import Cell
from bakeoff.report.blocks import Block, FactList
from bakeoff.report.details import engine_facts
from bakeoff.report.section import Context, section
from bakeoff.report.targets import engine_of


@section(rank=110, title="Engines", anchor="engines", html=False)
def engines(context: Context) -> list[Block] | None:
    """Targets that share an engine share its line; None where nothing was built."""
    lines: dict[Cell, str] = {}
    for target in context.targets:
        facts = engine_facts(target.build)
        if facts:
            said = "; ".join(f"{heading.lower()}: {words}" for heading, words in facts)
            lines.setdefault(engine_of(target), said)
    return [FactList([(cell.words(), said) for cell, said in lines.items()])] if lines else None
