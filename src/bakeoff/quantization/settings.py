"""The section of a study's configuration that says how to quantize."""

from typing import Annotated

from pydantic import Field, model_validator

from bakeoff.core.section import PositiveFloat, Section


class Calibration(Section):
    """What post-training quantization (int8) looks at to choose its ranges."""

    images: Annotated[str, Field(min_length=1)] | None = None
    """Folder of images, sub-folders included, which become inputs as those that judge do. When left out, inputs of
    `accuracy.data` that do not judge; seeded synthetic ones where there are no data, and for models without one image
    input."""
    n_inputs: Annotated[int, Field(ge=1, le=65536)] = 64
    """Single inputs (not batches) to look at; all images where the folder holds fewer."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seeds the synthetic inputs, which are never those of the accuracy check, and which images are drawn."""
    mean: Annotated[list[float], Field(min_length=1, max_length=3)] | None = None
    """Subtracted from an image's channels, whose values are 0 to 1. When left out the model's own, as for the inputs
    that judge, and ImageNet's where that is not known."""
    std: Annotated[list[PositiveFloat], Field(min_length=1, max_length=3)] | None = None
    """The channels are then divided by this; likewise."""

    @model_validator(mode="after")
    def _per_channel(self) -> "Calibration":
        mean, std = (values or [] for values in (self.mean, self.std))
        if len(mean) != len(std) or len(mean) == 2:
            raise ValueError(f"mean and std must have 1 or 3 values each, not {len(mean)} and {len(std)}")
        return self
