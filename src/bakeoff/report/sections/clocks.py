"""The clocks of targets on a GPU side by side. HTML has them in the details of each target."""

from __future__ import annotations

from bakeoff.core.formats import format_number
from bakeoff.report.blocks import Block, Column, Table
from bakeoff.report.section import Context, section
from bakeoff.report.tables import figures_table


@section(rank=80, title="Clocks and copies on the GPU", anchor="clocks", html=False)
def clocks(context: Context) -> list[Block] | None:
    """Clocks, copies and the state of the GPU; None where nothing was timed on one."""
    rows = [target.row for target in context.targets if target.row.device_ms is not None]
    if not rows:
        return None
    columns, table = figures_table(rows, [
        (Column("Latency (ms)", number=True), "latency_ms", format_number),
        (Column("Device (ms)", number=True), "device_ms", format_number),
        (Column("Dispatch (ms)", number=True), "dispatch_ms", format_number),
        (Column("To GPU, pinned (ms)", number=True), "h2d_ms", format_number),
        (Column("To GPU, pageable (ms)", number=True), "pageable_h2d_ms", format_number),
        (Column("From GPU, pinned (ms)", number=True), "d2h_ms", format_number),
        (Column("From GPU, pageable (ms)", number=True), "pageable_d2h_ms", format_number),
        (Column("SM (MHz)", number=True), "gpu_sm_mhz", "{:.0f}".format),
        (Column("°C", number=True), "gpu_temperature_c", "{:.0f}".format),
        (Column("W", number=True), "gpu_power_w", "{:.0f}".format),
    ])  # fmt: skip
    return [Table("clocks", "Clocks, copies and state of the GPU", columns, table)]
