"""contest/round<k>.json: which targets are timed once more, in round k."""

from typing import Literal

from bakeoff.artifacts.base import Record, schema_field
from bakeoff.core.cell import Cell


class ContestRecord(Record):
    """The targets that compete for an answer, or whose rounds disagree, after all rounds before this one."""

    schema_: Literal["bakeoff/contest/1"] = schema_field("bakeoff/contest/1")
    round: int
    """The round that they are timed in."""
    targets: list[Cell] = []
    """None where the answers stand."""
