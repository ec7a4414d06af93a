"""Which engines agree less with the reference than other backends' engines of the same model, precision and batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median, median_low

from bakeoff.accuracy import doubts
from bakeoff.artifacts.collected import TargetResult
from bakeoff.core.cell import Cell


def less_accurate(results: Sequence[TargetResult], kinds: Mapping[str, str]) -> list[TargetResult]:
    """Those whose SQNR is more than `doubts.APART_DB` below that of other backend kinds.

    Random weights amplify rounding, so no fixed limit can judge low precisions there. But they amplify it for every
    backend alike, so backends can be compared with each other. An engine is compared with the median of the other
    kinds, and with an even number of them with the lower of the two in the middle. A kind with several labels counts
    once, by the median of its labels. fp32 is left out: sound engines differ by more there, and the tolerance always
    judges. Engines that failed the accuracy check or do not hold their precision are left out as well.

    Args:
        results: All targets of the study.
        kinds: The backend kind of each label.
    """
    cells: dict[Cell, dict[str, list[TargetResult]]] = {}
    for result in results:
        row = result.row
        if row.precision != "fp32" and row.sqnr_db is not None and result.ranked:
            cells.setdefault(row.cell.at(backend=None), {}).setdefault(kinds[row.backend], []).append(result)
    found = []
    for cell in cells.values():
        of_kind = {kind: median(_sqnr_db(result) for result in engines) for kind, engines in cell.items()}
        for kind, engines in cell.items():
            others = [sqnr_db for other, sqnr_db in of_kind.items() if other != kind]
            if len(others) >= doubts.OTHER_KINDS:
                found += [result for result in engines if _sqnr_db(result) < median_low(others) - doubts.APART_DB]
    return found


def _sqnr_db(result: TargetResult) -> float:
    assert result.row.sqnr_db is not None
    return result.row.sqnr_db
