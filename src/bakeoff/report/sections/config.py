"""The study's config."""

from __future__ import annotations

from bakeoff.report.blocks import Block, Code, Details, Paragraph
from bakeoff.report.section import Context, section


@section(rank=150, title="The study's config", anchor="config", nav="Config", markdown=False)
def config(context: Context) -> list[Block]:
    """As YAML, folded away."""
    import yaml

    text = yaml.safe_dump(context.collected.settings, sort_keys=False, allow_unicode=True, width=100)
    return [
        Paragraph("As it was run, defaults filled in.", kind="lead"),
        Details("Show the config", [Code(text)]),
    ]
