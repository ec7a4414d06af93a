"""results.csv: one row a target."""

from __future__ import annotations

import csv
import io

from bakeoff.artifacts.collected import Collected, Row

COLUMNS = tuple(Row.model_fields)
"""The columns that every results.csv has, in this order."""


def csv_text(collected: Collected) -> str:
    """The rows as CSV: the columns of `Row`, then `speedup_vs_<label>_<precision>` for each further speed-up column.

    Numbers have all their digits; what is not known is empty; true and false are written so; warnings are joined by
    ';'. Speed-ups, and only they, are empty for a target that is not ranked (it failed its accuracy check, or its
    engine does not hold its precision).
    """
    further = [name for name in collected.speedup_against if name != collected.baseline]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"speedup_vs_{name.replace('/', '_')}" for name in further)])
    for target in collected.targets:
        values = [getattr(target.row, name) for name in COLUMNS]
        speedups = [target.speedups.get(name) for name in further]
        writer.writerow([_cell(v) for v in [*values, *(s.value if s else None for s in speedups)]])
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(value)
    return repr(value) if isinstance(value, float) else str(value)
