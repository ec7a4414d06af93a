"""What the config sections of models share: inputs, seed, weights. Each source adds its own keys in its file."""

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from bakeoff.core.plain_data import plain_data
from bakeoff.core.section import Name, Section
from bakeoff.models.data.settings import Data

DType = Literal["float32", "int64", "int32", "uint8", "int8", "bool"]

MAX_VALUES = 10**9
"""An input of more values than this (4 GB in float32, for one item of a batch) is a mistake."""

_RANGES = {"int64": (-(2**63), 2**63), "int32": (-(2**31), 2**31), "uint8": (0, 256), "int8": (-128, 128)}
_USUAL = {"int64": (0, 1000), "int32": (0, 1000), "uint8": (0, 256), "int8": (-128, 128)}
"""Limits that integers have where the config has none."""

Arguments = Annotated[dict[str, Any], AfterValidator(plain_data)]


class InputSpec(Section):
    """One input tensor of a model."""

    shape: Annotated[list[Annotated[int, Field(ge=1, le=1_000_000)]], Field(max_length=8)]
    """Shape without the batch dimension, which is always the first."""
    dtype: DType = "float32"
    """Element type. Floating inputs are given in the target's precision, integer inputs as they are. uint8 is for
    images as bytes, which the model prepares itself."""
    low: int | float | None = None
    """Smallest value. Integer inputs: 0 when left out (int8: -128). Floating inputs have no limits when both are left
    out."""
    high: int | float | None = None
    """Values are below it; integer inputs: 1000 when left out, for example the vocabulary size (uint8: 256, int8: 128).
    A floating input with limits is drawn evenly between them; an image, of bytes as well, is stretched to them."""

    @property
    def limits(self) -> tuple[int | float, int | float] | None:
        """(low, high) of the values that are drawn; None for a floating input without limits, and for bool."""
        if self.dtype in _RANGES:
            low, high = _USUAL[self.dtype]
            return low if self.low is None else self.low, high if self.high is None else self.high
        return None if self.low is None or self.high is None else (self.low, self.high)

    @model_validator(mode="after")
    def _can_be_made(self) -> "InputSpec":
        if self.dtype == "float32" and (self.low is None) != (self.high is None):
            raise ValueError("a floating input has both low and high, or neither")
        limits = self.limits
        if limits is not None:
            low, high = limits
            if low >= high:
                raise ValueError(f"high ({high}) must be greater than low ({low})")
            if self.dtype in _RANGES:
                least, end = _RANGES[self.dtype]
                if low < least or high > end:
                    raise ValueError(f"low and high of {self.dtype} must lie between {least} and {end}")
                if low != int(low) or high != int(high):
                    raise ValueError(f"low and high of {self.dtype} must be whole numbers")
            elif not (math.isfinite(low) and math.isfinite(high)):
                raise ValueError("low and high must be finite numbers")
        if math.prod(self.shape) > MAX_VALUES:
            raise ValueError(f"shape {self.shape} holds {math.prod(self.shape):,} values for one item of a batch; "
                             f"at most {MAX_VALUES:,}")  # fmt: skip
        return self


def one_image() -> dict[Name, InputSpec]:
    """The inputs of most image classifiers, for sources whose `inputs` may be left out."""
    return {"image": InputSpec(shape=[3, 224, 224])}


Inputs = Annotated[dict[Name, InputSpec], Field(min_length=1, max_length=32)]

Weights = Annotated[str, Field(min_length=1)]


class ModelBase(Section):
    """What all models have, wherever they come from.

    A source's own schema adds `source: Literal["<name>"]`, by which its section of the config is told from others, and
    `inputs: Inputs`, required or with a default. Neither is declared here, since the order of the fields is the order
    in which model.json, the schema and docs/config.md list them.
    """

    if TYPE_CHECKING:
        source: str
        inputs: Inputs

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seeds random weights and the inputs of every check."""
    data: Data | None = None
    """Real inputs that this model is judged on; those of `accuracy.data` when left out."""


class WeightedModel(ModelBase):
    """What models have whose architecture and weights are chosen apart."""

    weights: Weights = "random"
    """`random` (seeded), `pretrained` (fetched by the source's own library) or the path of a checkpoint:
    .safetensors, or a file with a state dict, under whatever key, that loads with weights_only."""
    args: Arguments = {}
    """Keyword arguments of the model's factory."""
