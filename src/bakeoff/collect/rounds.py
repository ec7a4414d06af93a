"""A timing record as it stands in collected.json: with the codes of its warnings, which timing.json does not have."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.artifacts.timing import TimingRecord
from bakeoff.collect.records import samples_path
from bakeoff.collect.warnings.rules import round_warnings
from bakeoff.measure.modes import split_in_two

if TYPE_CHECKING:
    import numpy as np


def with_warnings(record: TimingRecord, timing: Path) -> TimingRecord:
    """A copy of a round's record whose `warnings` are derived anew from its facts by today's thresholds.

    Records of older versions lack `modes` and are completed from their samples: a record that is ok here has its
    samples file, since `Reader.read_timing` gives a failed one otherwise.

    Args:
        record: As it was read.
        timing: Path of timing.json.
    """
    if record.ok and record.modes is None:
        record = record.model_copy(update={"modes": split_in_two(latency_samples(record, timing))})
    return record.model_copy(update={"warnings": round_warnings(record)})


def latency_samples(record: TimingRecord, timing: Path) -> np.ndarray:
    """The raw latencies of a round in milliseconds, shape (n,), in the order in which they were taken."""
    import numpy as np

    with np.load(io.BytesIO(samples_path(record, timing).read_bytes())) as arrays:
        samples: np.ndarray = arrays["latency_ms"]
    return samples
