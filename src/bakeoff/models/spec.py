"""The models of a study: where each comes from, its inputs and its weights."""

import math
import re
from typing import Annotated, Any, Literal, Union

from pydantic import AfterValidator, Field, model_validator

from bakeoff.core.plain_data import plain_data
from bakeoff.core.section import Name, Section

DType = Literal["float32", "int64", "int32", "bool"]

MAX_VALUES = 10**9
"""An input of more values than this (4 GB in float32, for one item of a batch) is a mistake."""

_RANGES = {"int64": (-(2**63), 2**63), "int32": (-(2**31), 2**31)}

Arguments = Annotated[dict[str, Any], AfterValidator(plain_data)]


class InputSpec(Section):
    """One input tensor of a model."""

    shape: Annotated[list[Annotated[int, Field(ge=1, le=1_000_000)]], Field(max_length=8)]
    """Shape without the batch dimension, which is always the first."""
    dtype: DType = "float32"
    """Element type. Floating inputs are given in the target's precision, integer inputs as they are."""
    low: int = 0
    """Smallest value of an integer input."""
    high: int = 1000
    """Integer inputs are drawn from low (included) to high (excluded), for example the vocabulary size."""

    @model_validator(mode="after")
    def _can_be_made(self) -> "InputSpec":
        if self.low >= self.high:
            raise ValueError(f"high ({self.high}) must be greater than low ({self.low})")
        least, end = _RANGES.get(self.dtype, (self.low, self.high))
        if self.low < least or self.high > end:
            raise ValueError(f"low and high of {self.dtype} must lie between {least} and {end}")
        if math.prod(self.shape) > MAX_VALUES:
            raise ValueError(f"shape {self.shape} holds {math.prod(self.shape):,} values for one item of a batch; "
                             f"at most {MAX_VALUES:,}")  # fmt: skip
        return self


def _image() -> dict[Name, InputSpec]:
    return {"image": InputSpec(shape=[3, 224, 224])}


Inputs = Annotated[dict[Name, InputSpec], Field(min_length=1, max_length=32)]


class ModelBase(Section):
    """What all models have, wherever they come from."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seeds random weights and the inputs of every check."""


Weights = Annotated[str, Field(min_length=1)]


class _Weighted(ModelBase):
    weights: Weights = "random"
    """`random` (seeded), `pretrained` (fetched by the source's own library) or the path of a checkpoint:
    .safetensors, or a state dict that loads with weights_only."""
    args: Arguments = {}
    """Keyword arguments of the model's factory."""


class TorchvisionModel(_Weighted):
    """A model of torchvision, by the name that `torchvision.models.get_model` knows."""

    source: Literal["torchvision"]
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Name within torchvision; the model's label when left out."""
    inputs: Inputs = Field(default_factory=_image)
    """Input tensors by name, in the order of the model's forward()."""


class TimmModel(_Weighted):
    """A model of timm, by the name that `timm.create_model` knows."""

    source: Literal["timm"]
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Name within timm; the model's label when left out."""
    inputs: Inputs = Field(default_factory=_image)
    """Input tensors by name, in the order of the model's forward()."""


class FileModel(_Weighted):
    """Your own model: a function (or class) in a Python file that returns a torch.nn.Module."""

    source: Literal["file"]
    weights: Weights = "random"
    """`random` (seeded), `factory` (as the factory returns them) or the path of a checkpoint:
    .safetensors, or a state dict that loads with weights_only."""
    factory: Annotated[str, Field(pattern=r"^[^:]+\.py:[A-Za-z_]\w*$")]
    """`path/to/file.py:function`; the function is called with `args` and returns a torch.nn.Module."""
    inputs: Inputs
    """Input tensors by name, in the order of the model's forward()."""

    @model_validator(mode="after")
    def _has_no_pretrained(self) -> "FileModel":
        if self.weights == "pretrained":
            raise ValueError(
                "weights 'pretrained' is for torchvision and timm; give the path of a checkpoint, "
                "or let the factory load its weights and say 'factory'"
            )
        return self

    @property
    def path(self) -> str:
        """The Python file."""
        return self.factory.rpartition(":")[0]

    @property
    def function(self) -> str:
        """The factory's name within the file."""
        return self.factory.rpartition(":")[2]


class TorchscriptModel(ModelBase):
    """A TorchScript file that somebody gave you (.ts, .pt), used with the weights it holds."""

    source: Literal["torchscript"]
    path: Annotated[str, Field(min_length=1)]
    """The file made by torch.jit.save."""
    inputs: Inputs
    """Input tensors by name, in the order of the module's forward()."""


ModelSpec = Annotated[Union[TorchvisionModel, TimmModel, FileModel, TorchscriptModel], Field(discriminator="source")]


def weights_path(model: ModelBase) -> str | None:
    """Path of the checkpoint that the model's weights come from, or None where they come from elsewhere."""
    weights = getattr(model, "weights", None)
    return None if weights in (None, "random", "pretrained", "factory") else weights


def has_real_weights(model: ModelBase) -> bool:
    """Whether the weights mean something, so that accuracy tolerances may judge low precisions."""
    return getattr(model, "weights", "given") != "random"


def describe(label: str, model: ModelBase) -> str:
    """One line that says what the model is, for the report."""
    if isinstance(model, FileModel):
        return model.factory
    if isinstance(model, TorchscriptModel):
        return model.path
    name = getattr(model, "name", None) or label
    return f"{re.sub('Model$', '', type(model).__name__).lower()} {name}"
