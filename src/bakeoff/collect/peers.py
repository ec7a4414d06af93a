"""Which engines agree less with the reference than other backends' engines of the same model, precision and batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median, median_low

from bakeoff.artifacts.collected import TargetResult
from bakeoff.collect.warnings import APART_DB
from bakeoff.core.cell import Cell

OTHER_KINDS = 2
"""With fewer other backend kinds nothing tells which one is wrong."""


def less_accurate(results: Sequence[TargetResult], kinds: Mapping[str, str]) -> list[TargetResult]:
    """Those whose SQNR lies more than APART_DB below that of other backend kinds.

    Random weights amplify rounding, so no limit can judge low precisions there; but they do so for every backend alike.
    Below is judged against the median of the other kinds, of an even number the lower of the two in the middle; a kind
    with several labels counts once, with its median. fp32 is left out, where sound engines differ by more and the
    tolerance always judges; and so are engines that failed the check or do not hold their precision.

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
            if len(others) >= OTHER_KINDS:
                found += [result for result in engines if _sqnr_db(result) < median_low(others) - APART_DB]
    return found


def _sqnr_db(result: TargetResult) -> float:
    assert result.row.sqnr_db is not None
    return result.row.sqnr_db
