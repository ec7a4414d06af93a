"""An estimate whose interval may be open where the data do not bound it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """An estimate with its 95 % confidence interval; an end is None where nothing measured bounds it on that side."""

    value: float
    low: float | None
    high: float | None
