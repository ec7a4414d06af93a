"""What a target costs besides inference."""

from __future__ import annotations

from bakeoff.core.formats import format_bytes, format_ms, format_s
from bakeoff.report.blocks import Block, Column, Paragraph, Table
from bakeoff.report.section import Context, section
from bakeoff.report.tables import figures_table


@section(rank=70, title="Build, cold start and memory", anchor="cost", nav="Build and memory")
def cost(context: Context) -> list[Block]:
    """Build, engine size, cold start and peak memory of whatever was built or timed."""
    rows = [target.row for target in context.targets if target.build is not None or target.rounds]
    warm = any(row.warm_build_s is not None for row in rows)
    lead = (
        "What a target costs besides inference, each figure from a fresh process. Builds start from empty compile "
        "caches"
        + ("; warm is a second build that finds the caches of the first" if warm else "")
        + ". Importing the library, loading the engine and the first inference come one after the other: together they "
        "are the cold start."
    )
    if not rows:
        return [Paragraph(lead, kind="lead"), Paragraph("Nothing was built.", kind="empty")]
    columns, table = figures_table(rows, [
        (Column("Export", number=True), "export_s", format_s),
        (Column("Build", "caches empty" if warm else "", "Build", number=True), "build_s", format_s),
        (Column("Build", "caches warm", "Build, warm caches", number=True), "warm_build_s", format_s),
        (Column("Engine size", number=True), "engine_bytes", format_bytes),
        (Column("Import", number=True), "import_s", format_s),
        (Column("Load", number=True), "load_s", format_s),
        (Column("First inference", number=True), "first_ms", format_ms),
        (Column("Host memory", "peak", "Host memory", number=True), "host_peak_bytes", format_bytes),
        (Column("GPU memory", "peak", "GPU memory", number=True), "device_peak_bytes", format_bytes),
    ])  # fmt: skip
    caption = "Build time, engine size, cold start and memory"
    return [Paragraph(lead, kind="lead"), Table("cost", caption, columns, table)]
