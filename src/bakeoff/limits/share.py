"""The limit of a target: how fast the device could be done with its least work.

After the roofline model (S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for
multicore architectures", Communications of the ACM 52(4), 2009): time >= max(operations / rate, bytes / bandwidth).
"""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.artifacts.accuracy import Work
from bakeoff.artifacts.collected import Bound, Row
from bakeoff.artifacts.environment import DeviceLimits
from bakeoff.core.precision import Precision

BYTES_PER_ELEMENT: dict[Precision, int] = {"fp32": 4, "tf32": 4, "fp16": 2, "bf16": 2, "int8": 1, "fp8": 1}


@dataclass(frozen=True)
class Limit:
    """The shortest time that one inference can take."""

    ms: float
    bound: Bound
    """Which of the two times is the longer one."""


def least_bytes(work: Work, precision: Precision, batch_size: int) -> int | None:
    """Bytes that one inference of the whole batch must move; None where they are not known.

    Every weight is read once, every item's inputs and looked-up table rows are read and its outputs written, at the
    precision's bytes per element; integers keep their size. What layers hand to each other is not in it.
    """
    parts = (work.input_elements, work.output_elements, work.table_elements)
    if work.weight_elements is None or work.integer_bytes is None or None in parts:
        return None
    elements = work.weight_elements + batch_size * sum(part or 0 for part in parts)
    return elements * BYTES_PER_ELEMENT[precision] + batch_size * work.integer_bytes


def limit_of(work: Work | None, device: DeviceLimits | None, precision: Precision, batch_size: int) -> Limit | None:
    """The limit of a target; None where its work, the rate of its precision or the bandwidth is not known."""
    if work is None or device is None or work.flops_per_item is None:
        return None
    moved, rate = least_bytes(work, precision, batch_size), device.matrix_flops_per_s.get(precision)
    if moved is None or rate is None or device.copy_bytes_per_s is None:
        return None
    compute_s, memory_s = work.flops_per_item * batch_size / rate, moved / device.copy_bytes_per_s
    return Limit(max(compute_s, memory_s) * 1000, "compute" if compute_s >= memory_s else "memory")


def measured_ms(row: Row) -> float | None:
    """What a limit is compared with: the device's own time where there is one, else the latency."""
    return row.latency_ms if row.device_ms is None else row.device_ms


def set_limit(row: Row, work: Work | None, device: DeviceLimits | None) -> None:
    """Fill limit_ms, share_of_limit and bound of a target's row, where they are known."""
    limit, measured = limit_of(work, device, row.precision, row.batch_size), measured_ms(row)
    if limit is None:
        return
    row.limit_ms, row.bound = limit.ms, limit.bound
    if measured:
        row.share_of_limit = limit.ms / measured
