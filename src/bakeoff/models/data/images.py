"""How an image becomes an input of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakeoff.core.errors import DataError
from bakeoff.models.data.settings import Interpolation, Preprocessing
from bakeoff.models.spec import InputSpec

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class OwnPreprocessing:
    """What the library of a model does with images, for inputs of `crop` pixels a side."""

    resize: int
    """Length that the shorter side is scaled to, in pixels."""
    crop: int
    interpolation: Interpolation
    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: str
    """Where this is known from: `timm's data config`."""


@dataclass(frozen=True)
class Transform:
    """How images become inputs of shape [channels, height, width]."""

    channels: int
    height: int
    width: int
    resize: int | None
    interpolation: Interpolation
    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: str
    as_bytes: bool = False
    """Whether the model gets the pixels as bytes, and mean and std are not used."""

    @property
    def words(self) -> str:
        """For the record and the report."""
        scaled = f"shorter side to {self.resize}" if self.resize else "scaled to cover the input"
        if self.as_bytes:
            return f"{scaled} ({self.interpolation}), centre {self.height} x {self.width}, as bytes"
        numbers = "; ".join(
            f"{name} {', '.join(f'{value:g}' for value in values)}"
            for name, values in (("mean", self.mean), ("std", self.std))
        )
        return f"{scaled} ({self.interpolation}), centre {self.height} x {self.width}, {numbers} ({self.origin})"


def transform(spec: InputSpec, given: Preprocessing, own: OwnPreprocessing | None, key: str) -> Transform:
    """The preprocessing of images for an input of shape [C, H, W]: what the config gives, else the model's own.

    An input of bytes gets the pixels as they are. Raises DataError where mean and std do not fit the channels, or are
    given for bytes.
    """
    channels, height, width = spec.shape
    as_bytes = spec.dtype == "uint8"
    if as_bytes and (given.mean or given.std):
        raise DataError(f"{key}.preprocessing: mean and std do not apply to an input of bytes (uint8); remove them")
    resize = given.resize
    if resize is None and own:
        # the same share of the image is cropped at another size of the input
        resize = round(own.resize * min(height, width) / own.crop)
    told = [name for name in ("resize", "interpolation", "mean", "std") if getattr(given, name) is not None]
    origin = own.origin if own else "ImageNet's mean and std" if not {"mean", "std"} <= set(told) else ""
    return Transform(
        channels,
        height,
        width,
        resize,
        given.interpolation or (own.interpolation if own else "bilinear"),
        _per_channel(given.mean or (own.mean if own else IMAGENET_MEAN), channels, f"{key}.preprocessing.mean"),
        _per_channel(given.std or (own.std if own else IMAGENET_STD), channels, f"{key}.preprocessing.std"),
        "; ".join(filter(None, [origin, f"{', '.join(told)} from the config" if told else ""])),
        as_bytes,
    )


def _per_channel(values: Sequence[float], channels: int, key: str) -> tuple[float, ...]:
    if len(values) == channels:
        return tuple(values)
    if channels == 1:
        return (sum(values) / len(values),)
    if len(values) == 1:
        return tuple(values) * channels
    raise DataError(f"{key}: {len(values)} values for an input of {channels} channels")


def open_image(path: str, key: str) -> Image:
    """An image of a file, upright. Raises DataError, naming the file, where it is no image that Pillow reads."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            upright: Image.Image = ImageOps.exif_transpose(opened)
            upright.load()
            return upright
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{key}.images: {path} cannot be read as an image ({error}); mend it or remove it from the folder"
        ) from error


def to_input(image: Image, how: Transform) -> np.ndarray:
    """The image as an array of shape [C, H, W]: float32, or uint8 where the model takes bytes.

    It is scaled so that its shorter side has the length asked for (and it covers the input at least), its centre is
    cropped, its values are brought to 0 to 1 and normalised per channel: (value - mean) / std. An input of one channel
    gets the luminance.
    """
    import numpy as np

    view: np.ndarray = np.asarray(to_view(image, how))
    view = view.reshape(how.height, how.width, how.channels).transpose(2, 0, 1)
    if how.as_bytes:
        return np.ascontiguousarray(view)
    pixels = view.astype(np.float32) / 255
    mean, std = np.asarray(how.mean, np.float32), np.asarray(how.std, np.float32)
    return np.ascontiguousarray((pixels - mean[:, None, None]) / std[:, None, None])


def to_view(image: Image, how: Transform) -> Image:
    """The part of the image that the model sees, at the size in which it sees it."""
    from PIL.Image import Resampling

    colours = image.convert("L" if how.channels == 1 else "RGB")
    width, height = colours.size
    covers = max(how.width / width, how.height / height)
    scale = max(covers, how.resize / min(width, height)) if how.resize else covers
    # never smaller than the input by a rounding
    size = max(how.width, int(width * scale + 1e-6)), max(how.height, int(height * scale + 1e-6))
    filters = {
        "nearest": Resampling.NEAREST,
        "bilinear": Resampling.BILINEAR,
        "bicubic": Resampling.BICUBIC,
        "lanczos": Resampling.LANCZOS,
    }
    scaled = colours.resize(size, filters[how.interpolation]) if size != colours.size else colours
    left, top = round((size[0] - how.width) / 2), round((size[1] - how.height) / 2)
    return scaled.crop((left, top, left + how.width, top + how.height))


def from_input(array: np.ndarray, how: Transform | None) -> Image:
    """An input [C, H, W] as an image again: by the transform that made it, else stretched to its range of values."""
    import numpy as np
    from PIL import Image

    pixels: np.ndarray = np.asarray(array, np.float64)
    if array.dtype == np.uint8:
        pixels = pixels / 255
    elif how is None:
        low, high = float(array.min()), float(array.max())
        pixels = (pixels - low) / max(high - low, 1e-12)
    else:
        pixels = pixels * np.asarray(how.std)[:, None, None] + np.asarray(how.mean)[:, None, None]
    values = (np.clip(pixels, 0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)
    return Image.fromarray(values[:, :, 0] if values.shape[2] == 1 else values)
