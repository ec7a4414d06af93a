"""The section of a config that says which real inputs a model is judged on."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bakeoff.core.section import PositiveFloat, Section

Path = Annotated[str, Field(min_length=1)]
PerChannel = Annotated[list[float], Field(min_length=1, max_length=4)]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]


class Preprocessing(Section):
    """How an image becomes an input. What is left out is the model's own, where its library knows it."""

    resize: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Length in pixels that the shorter side is scaled to before the centre is cropped to the input's height and width.
    When left out and not known, the image is scaled until it just covers them."""
    interpolation: Interpolation | None = None
    """How it is scaled; bilinear when left out and not known."""
    mean: PerChannel | None = None
    """Subtracted from the channels, whose values are 0 to 1; ImageNet's when left out and not known."""
    std: Annotated[list[PositiveFloat], Field(min_length=1, max_length=4)] | None = None
    """The channels are then divided by this; ImageNet's when left out and not known."""


class Data(Section):
    """Real inputs: a folder of images, arrays, or a data set that an installed package carries."""

    images: Path | None = None
    """Folder of images, sub-folders included. With `labels` left out the sub-folders are classes, where there are
    any."""
    labels: Path | None = None
    """CSV file with a line `file,label` for each image of the folder that has a label (a class's number or name)."""
    arrays: Path | None = None
    """.npz file with an array [n, ...] for each input, by its name, given to the model as it is; and, where labels are
    known, an array `labels` of class numbers [n]."""
    shipped: Literal["digits", "pictures", "seeded"] | None = None
    """`digits`: scikit-learn's handwritten digits that no network of this repository was trained on, with labels.
    `pictures`: scikit-image's photographs. `seeded`: synthetic inputs, for a model that shall not have those of
    `accuracy.data`."""
    classes: Path | None = None
    """Text file with the name of one class a line, in the order of the model's scores. The library's own names when
    left out, where it has any."""
    preprocessing: Preprocessing = Preprocessing()

    @model_validator(mode="after")
    def _one_source(self) -> "Data":
        given = [name for name in ("images", "arrays", "shipped") if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"{' and '.join(given)} are given" if given else "none is given"
            raise ValueError(f"give one of images, arrays, shipped; {found}")
        if self.labels is not None and self.images is None:
            raise ValueError("labels names files of a folder of images; give images, too")
        return self
