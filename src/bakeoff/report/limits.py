"""How close targets come to the limits of the device: what the roofline plot and its section show."""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.artifacts.collected import Collected, TargetResult
from bakeoff.core.cell import Cell
from bakeoff.core.formats import format_si
from bakeoff.limits.share import least_bytes, measured_ms
from bakeoff.report.facts import Facts
from bakeoff.report.targets import in_rank_order

LARGEST = 60
"""More targets than this are unreadable in one plot: of each model and precision the one nearest its limit is kept."""

EXPLANATION = (
    "The limit is the shortest time that a target's least work can take on this device: its floating-point operations "
    "at the measured matrix rate of its precision, or its least bytes (every weight read once, inputs read, outputs "
    "written) at the measured copy bandwidth, whichever takes longer; the share is this limit over the measured time "
    "(roofline model: Williams, Waterman and Patterson, Communications of the ACM 52(4), 2009). The rest of the time "
    "goes to what a limit leaves out: launches, layers too small to fill the device, results that travel through "
    "memory from layer to layer.",
    "A share above 100 % is shown as it is: weights that stay in a cache are not read from memory again, some "
    "convolution algorithms (Winograd) need fewer operations than are counted, and the rates are what PyTorch reaches, "
    "not what the maker promises.",
)
SET_BY = {"compute": "operations", "memory": "bytes"}
"""What sets a limit, in words."""


@dataclass(frozen=True)
class Point:
    """A timed target whose limit is known."""

    target: TargetResult
    flops: int
    """Floating-point operations of one inference of the whole batch."""
    bytes: int
    """Least bytes that it moves."""
    ms: float
    """Measured: by the device where it tells, else the latency."""

    @property
    def intensity(self) -> float:
        """Operations per byte."""
        return self.flops / self.bytes

    @property
    def flops_per_s(self) -> float:
        """Operations per second that the target reaches."""
        return self.flops / self.ms * 1000


def points_of(collected: Collected) -> tuple[list[Point], int]:
    """The targets to show, in the order of the report, and how many were left out for lack of room."""
    points = []
    for target in in_rank_order(collected, collected.targets):
        row, reference = target.row, collected.models.get(target.row.model)
        ms, work = measured_ms(row), reference.work if reference else None
        if row.share_of_limit is None or ms is None or work is None:
            continue
        moved = least_bytes(work, row.precision, row.batch_size)
        if work.flops_per_item and moved:
            points.append(Point(target, work.flops_per_item * row.batch_size, moved, ms))
    if len(points) <= LARGEST:
        return points, 0
    nearest: dict[Cell, Point] = {}
    for point in points:
        key = Cell(model=point.target.row.model, precision=point.target.row.precision)
        if key not in nearest or _nearness(point) > _nearness(nearest[key]):
            nearest[key] = point
    kept = {id(point) for point in nearest.values()}
    return [point for point in points if id(point) in kept], len(points) - len(kept)


def _nearness(point: Point) -> tuple[bool, float]:
    return point.target.ranked, point.target.row.share_of_limit or 0.0


def rate_facts(collected: Collected) -> Facts:
    """The device's rates and how they were measured; nothing where they were not."""
    limits = collected.environment.limits
    if limits is None:
        return []

    def words(name: str, rate: float | None, unit: str) -> str:
        return f"{'not known' if rate is None else format_si(rate, unit)} ({limits.how.get(name, 'nothing noted')})"

    facts = [(p, words(p, rate, "FLOP/s")) for p, rate in limits.matrix_flops_per_s.items()]
    return [*facts, ("Copy bandwidth", words("copy", limits.copy_bytes_per_s, "B/s"))]


def uncounted(collected: Collected) -> list[tuple[str, str]]:
    """(model, why) of models whose work is not known."""
    return [
        (model, "; ".join(reference.work.notes))
        for model, reference in collected.models.items()
        if reference.work and reference.work.notes
    ]
