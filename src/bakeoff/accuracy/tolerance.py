"""The limits that an engine's outputs fail by: those of the config with their defaults, and those that always hold."""

from typing import Annotated

from pydantic import Field

from bakeoff.core.precision import Precision
from bakeoff.core.section import PositiveFloat, Section

SPREAD_OVER_L2 = 2.5
"""`relative_to_spread` is this many times `relative_l2` where it is left out. Outputs of most networks vary over inputs
by about as much as they are large, and then rounding moves both alike. With it, scores that are off by a third of their
spread fail at bf16, too."""
INPUT_OVER_L2 = 5.0
"""`worst_input` is this many times `relative_l2` where it is left out: no input of sound engines was measured to be off
by more than three times as much as all are together."""


class Tolerance(Section):
    """What an engine's outputs must meet to pass, against eager fp32. Each output must meet each limit.

    Left-out limits are not judged, but for the two that follow from relative_l2.
    """

    relative_l2: PositiveFloat | None = None
    """Largest relative L2 error of any output."""
    sqnr_db: float | None = None
    """Smallest signal-to-quantization-noise ratio in dB, of all outputs together."""
    max_abs: PositiveFloat | None = None
    """Largest absolute difference of any output element."""
    cosine: Annotated[float, Field(ge=-1, le=1)] | None = None
    """Smallest cosine similarity of all outputs together."""
    top1_agreement: Annotated[float, Field(ge=0, le=1)] | None = None
    """Smallest share of inputs whose highest-scoring class agrees."""
    top1_drop: Annotated[float, Field(ge=0, le=1)] | None = None
    """Largest share of labelled inputs by which top-1 accuracy may fall below the reference's: 0.005 for half a point.
    Judges where the inputs have labels."""
    relative_to_spread: PositiveFloat | None = None
    """Largest error of any output over what it varies by over inputs; 2.5 times relative_l2 when left out."""
    worst_input: PositiveFloat | None = None
    """Largest relative L2 error of any output for any one input; 5 times relative_l2 when left out."""
    equal: Annotated[float, Field(ge=0, le=1)] | None = None
    """Smallest share of equal elements of an output of integers or booleans; what top1_agreement is, or 1, when left
    out."""

    def filled_in(self) -> "Tolerance":
        """The same with the limits that follow from others."""
        follow = {"equal": self.top1_agreement if self.top1_agreement is not None else 1.0}
        if self.relative_l2 is not None:
            follow["relative_to_spread"] = SPREAD_OVER_L2 * self.relative_l2
            follow["worst_input"] = INPUT_OVER_L2 * self.relative_l2
        return self.model_copy(update={name: value for name, value in follow.items() if getattr(self, name) is None})


DEFAULT_TOLERANCE: dict[Precision, Tolerance] = {
    # fp32 engines agree to 1e-4 in the deepest networks of random weights; TF32 under the name of fp32 does not
    "fp32": Tolerance(relative_l2=2e-4, equal=0.99),
    "tf32": Tolerance(relative_l2=2e-2, equal=0.95),
    "fp16": Tolerance(relative_l2=2e-2, top1_agreement=0.95),
    "bf16": Tolerance(relative_l2=1e-1, top1_agreement=0.9),
    "int8": Tolerance(relative_l2=3e-1, top1_agreement=0.9),
    "fp8": Tolerance(relative_l2=3e-1, top1_agreement=0.9),
}
"""Integers may differ where two scores are nearly equal, as often as the highest-scoring class may."""

OF_RANDOM_SCORES: dict[str, float | None] = {"top1_agreement": None, "equal": 0.7}
"""What is judged otherwise on random weights: the two highest of a thousand random scores lie so close that rounding
decides in a few of a hundred inputs which it is. Errors in relation to the outputs themselves are judged as ever."""

GROSS: dict[Precision, Tolerance] = {
    "tf32": Tolerance(relative_l2=0.4, relative_to_spread=0.45, worst_input=0.9, equal=0.5),
    "fp16": Tolerance(relative_l2=0.4, relative_to_spread=0.45, worst_input=0.9, equal=0.5),
    "bf16": Tolerance(relative_l2=0.45, relative_to_spread=0.45, worst_input=0.9, equal=0.5),
    "int8": Tolerance(equal=0.0),
    "fp8": Tolerance(equal=0.0),
}
"""Limits of low precisions on random weights that could not be conditioned, where only gross mismatch fails.

Such networks amplify rounding. On them sound engines were measured to reach 24 to 60 dB (a relative error of at most
0.06) in fp16, and in tf32, which has as many mantissa bits; in bf16 as little as 9 dB (a relative error of 0.35). int8
falls below 0 dB there, so its figures tell nothing. NaN, infinity, wrong shapes and outputs that are the same for every
input fail at every precision.
"""

CONSTANT = 1e-6
"""Outputs count as constant where they vary over inputs by less than this fraction of how much the reference varies."""
