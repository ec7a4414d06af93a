"""What marks outputs as doubtful although they pass: no limit in the config says how much of this is too much.

The figures are facts in the records of the accuracy check and of timing. They are judged here when results are
collected, so a change of a number below shows the next time, and nothing has to run again.
"""

from __future__ import annotations

import math

from bakeoff.artifacts.accuracy import AccuracyRecord
from bakeoff.artifacts.timing import TimingRecord

REPEATABLE = 1e-3
"""Two runs on the same inputs gave the same answer where their relative L2 difference is at most this."""
REPEAT_SHARE = 0.5
"""They did, too, where the difference is at most this share of the error against the reference. An engine that adds
numbers up in another order each time stays below it."""
UNEVEN = 1.5
"""The reference's outputs for the inputs of a timed batch may be this many times smaller than those for all inputs are
on average, which makes the same error larger in relation to them."""
APART_DB = 15.0
"""An engine whose SQNR is this much below that of other backends is marked; 15 dB is about six times the error. What
rounds differently (where products are accumulated, which convolutions take TF32) moved the SQNR of sound engines by up
to 12 dB on an H200, while two engines with wrong outputs were 16 and 19 dB behind."""
OTHER_KINDS = 2
"""An engine is compared with at least this many other backend kinds. Between two alone nothing tells which one is
wrong."""


def is_repeatable(accuracy: AccuracyRecord) -> bool | None:
    """Whether two runs of the accuracy check on the same inputs gave the same answer; None where it is not known."""
    if accuracy.repeat_relative_l2 is None or accuracy.relative_l2 is None:
        return None
    return accuracy.repeat_relative_l2 <= max(REPEATABLE, REPEAT_SHARE * accuracy.relative_l2)


def answered_alike(timed: TimingRecord, accuracy: AccuracyRecord) -> bool:
    """Whether a timed process can have answered as the process whose outputs were judged did, as far as is known.

    The timed batch holds some of the inputs of the check only. All the error that the check found may lie in those, so
    the error of the timed outputs may be larger by the square root of the ratio of the two numbers of inputs.
    """
    if timed.outputs is None or accuracy.relative_l2 is None or accuracy.n_inputs is None:
        return True
    inputs = min(timed.target.batch_size or 1, accuracy.n_inputs)
    limit = max(REPEATABLE, UNEVEN * math.sqrt(accuracy.n_inputs / inputs) * accuracy.relative_l2)
    return timed.outputs.relative_l2 is not None and timed.outputs.relative_l2 <= limit
