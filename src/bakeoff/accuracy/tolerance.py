"""The limits that an engine's outputs fail by: those of the config with their defaults, and those that always hold."""

from typing import Annotated

from pydantic import Field

from bakeoff.core.precision import Precision
from bakeoff.core.section import PositiveFloat, Section


class Tolerance(Section):
    """What an engine's outputs must meet to pass, against eager fp32. Left-out limits are not judged."""

    relative_l2: PositiveFloat | None = None
    """Largest relative L2 error."""
    sqnr_db: float | None = None
    """Smallest signal-to-quantization-noise ratio in dB."""
    max_abs: PositiveFloat | None = None
    """Largest absolute difference of any output element."""
    cosine: Annotated[float, Field(ge=-1, le=1)] | None = None
    """Smallest cosine similarity."""
    top1_agreement: Annotated[float, Field(ge=0, le=1)] | None = None
    """Smallest share of inputs whose highest-scoring class agrees."""


DEFAULT_TOLERANCE: dict[Precision, Tolerance] = {
    # fp32 engines agree to 1e-4 in the deepest networks of random weights; TF32 under the name of fp32 does not
    "fp32": Tolerance(relative_l2=2e-4),
    "tf32": Tolerance(relative_l2=2e-2),
    "fp16": Tolerance(relative_l2=2e-2, top1_agreement=0.95),
    "bf16": Tolerance(relative_l2=1e-1, top1_agreement=0.9),
    "int8": Tolerance(relative_l2=3e-1, top1_agreement=0.9),
    "fp8": Tolerance(relative_l2=3e-1, top1_agreement=0.9),
}

GROSS: dict[Precision, Tolerance] = {
    "tf32": Tolerance(relative_l2=1.0, cosine=0.5),
    "fp16": Tolerance(relative_l2=1.0, cosine=0.5),
    "bf16": Tolerance(relative_l2=1.5, cosine=0.1),
    "int8": Tolerance(),
    "fp8": Tolerance(),
}
"""Limits of low precisions on random weights, where only gross mismatch fails.

Outputs that have nothing to do with the reference have a cosine near 0 and, at the reference's scale, a relative L2
error near √2; outputs of zeros have 0 and 1. Random networks amplify rounding. On them sound engines were measured to
reach 24 to 60 dB (a relative error of at most 0.06) in fp16, and in tf32, which has as many mantissa bits; in bf16 as
little as 9 dB (mobilenet_v2, a relative error of 0.35). int8 falls below 0 dB there, so its figures tell nothing. NaN,
infinity, wrong shapes and outputs that do not vary over inputs fail at every precision.
"""

CONSTANT = 1e-6
"""Outputs count as constant where they vary over inputs by less than this fraction of how much the reference varies."""

GROSS_OUTPUT = 1.5
"""Largest relative L2 error that any single output may have where the tolerance of all outputs together is smaller. An
output that has nothing to do with the reference has an error of about √2."""
