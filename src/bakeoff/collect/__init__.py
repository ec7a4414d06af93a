"""Records of a study to rows, intervals and answers: the last step before the report."""

from bakeoff.collect.collect import collect
from bakeoff.collect.table import csv_text

__all__ = ["collect", "csv_text"]
