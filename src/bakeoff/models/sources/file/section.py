"""The config section of a user's own model."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bakeoff.core.quoting import short
from bakeoff.models.spec import Inputs, WeightedModel, Weights

_FACTORY = r"[^:]+\.py:[A-Za-z_]\w*"


def _names_a_function(text: str) -> str:
    if not re.fullmatch(_FACTORY, text):
        raise ValueError(f"{short(text)} must read 'path/to/file.py:function'")
    return text


class FileModel(WeightedModel):
    """Your own model: a function (or class) in a Python file that returns a torch.nn.Module."""

    source: Literal["file"]
    weights: Weights = "random"
    """`random` (seeded), `factory` (as the factory returns them) or the path of a checkpoint:
    .safetensors, or a file with a state dict, under whatever key, that loads with weights_only."""
    factory: Annotated[str, AfterValidator(_names_a_function), Field(json_schema_extra={"pattern": f"^{_FACTORY}$"})]
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
