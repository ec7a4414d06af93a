"""Which engines agree less with the reference than other backends' engines of the same model, precision and batch."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median, median_low

from bakeoff.accuracy import doubts
from bakeoff.core.cell import Cell


def less_accurate(sqnr_db: Mapping[Cell, float], kinds: Mapping[str, str]) -> set[Cell]:
    """Those whose SQNR is more than `doubts.APART_DB` below that of other backend kinds.

    The tolerance is wide, since it must let pass whatever a precision costs any model. What it costs this one, other
    backends show: rounding costs them alike, and an engine that is far behind them has something else wrong with it. An
    engine is compared with the median of the other kinds, and with an even number of them with the lower of the two in
    the middle. A kind with several labels counts once, by the median of its labels. fp32 is left out: sound engines
    differ by more there, and its tolerance is narrow.

    Args:
        sqnr_db: Of each engine that would be ranked otherwise, against the reference.
        kinds: The backend kind of each label.
    """
    questions: dict[Cell, dict[str, list[Cell]]] = {}
    for cell in sqnr_db:
        if cell.precision != "fp32":
            questions.setdefault(cell.at(backend=None), {}).setdefault(kinds[cell.backend or ""], []).append(cell)
    found: set[Cell] = set()
    for engines in questions.values():
        of_kind = {kind: median(sqnr_db[cell] for cell in cells) for kind, cells in engines.items()}
        for kind, cells in engines.items():
            others = [value for other, value in of_kind.items() if other != kind]
            if len(others) >= doubts.OTHER_KINDS:
                found |= {cell for cell in cells if sqnr_db[cell] < median_low(others) - doubts.APART_DB}
    return found
