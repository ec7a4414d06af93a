"""The section of a study's configuration that says how to quantize."""

from typing import Annotated

from pydantic import Field, model_validator

from bakeoff.core.section import PositiveFloat, Section


class Calibration(Section):
    """What post-training quantization (int8) looks at to choose its ranges."""

    images: Annotated[str, Field(min_length=1)] | None = None
    """Folder of images, sub-folders included: scaled and centre-cropped to the model's image input and normalised by
    `mean` and `std`. Seeded synthetic inputs when left out, and for models without one image input."""
    n_inputs: Annotated[int, Field(ge=1, le=65536)] = 64
    """Single inputs (not batches) to look at; all images where the folder holds fewer."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seeds the synthetic inputs, which are never those of the accuracy check, and which images are drawn."""
    mean: Annotated[list[float], Field(min_length=1, max_length=3)] = [0.485, 0.456, 0.406]
    """Subtracted from an image's channels, whose values are 0 to 1; ImageNet's when left out."""
    std: Annotated[list[PositiveFloat], Field(min_length=1, max_length=3)] = [0.229, 0.224, 0.225]
    """The channels are then divided by this; ImageNet's when left out."""

    @model_validator(mode="after")
    def _per_channel(self) -> "Calibration":
        if len(self.mean) != len(self.std) or len(self.mean) == 2:
            raise ValueError(f"mean and std must have 1 or 3 values each, not {len(self.mean)} and {len(self.std)}")
        return self
