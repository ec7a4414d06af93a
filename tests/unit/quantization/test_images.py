"""Calibration images: which are taken, whether they changed, and what they become."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bakeoff.core.errors import DataError
from bakeoff.models.data.images import OwnPreprocessing, from_input, open_image, to_input, transform
from bakeoff.models.data.listing import find_images, state_of
from bakeoff.models.data.settings import Preprocessing
from bakeoff.models.spec import InputSpec
from bakeoff.quantization.images import choose_images

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def read_image(path: str, shape: list[int], mean: list[float], std: list[float]) -> np.ndarray:
    """An image as an input, scaled until it just covers it."""
    return to_input(
        open_image(path, "accuracy.data"),
        transform(InputSpec(shape=shape), Preprocessing(mean=mean, std=std), None, "k"),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve small images in two sub-folders, and what is none."""
    for i in range(12):
        place = tmp_path / ("cats" if i % 2 else "dogs")
        place.mkdir(exist_ok=True)
        Image.new("RGB", (10, 8), (i, 2 * i, 3 * i)).save(place / f"{i}.{'JPG' if i % 3 else 'png'}")
    (tmp_path / "labels.csv").write_text("no image")
    (tmp_path / ".hidden.png").write_bytes(b"no image")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "thumb.png").write_bytes(b"no image")
    return tmp_path


def test_finds_images_in_subfolders(folder: Path) -> None:
    found = find_images(folder)
    assert len(found) == 12
    assert found == sorted(found)
    assert {Path(path).parent.name for path in found} == {"cats", "dogs"}


def test_draws_by_seed_without_replacement(folder: Path) -> None:
    drawn = choose_images(folder, 5, 0)
    assert len(set(drawn)) == 5
    assert drawn == choose_images(folder, 5, 0)
    assert any(choose_images(folder, 5, seed) != drawn for seed in range(1, 6))
    assert choose_images(folder, 12, 3) == choose_images(folder, 500, 0) == find_images(folder)


def test_state_follows_names_sizes_and_times(folder: Path) -> None:
    paths = find_images(folder)
    before = state_of(paths)
    assert state_of(paths) == before
    assert state_of(paths[1:]) != before
    os.utime(paths[3], ns=(1, 1))
    touched = state_of(paths)
    assert touched != before
    with open(paths[3], "ab") as file:
        file.write(b" ")
    os.utime(paths[3], ns=(1, 1))
    assert state_of(paths) not in (before, touched)


def test_one_colour_is_normalised_per_channel(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (50, 30), (255, 51, 0)).save(path)
    array = read_image(str(path), [3, 16, 24], MEAN, STD)
    assert (array.shape, array.dtype) == ((3, 16, 24), np.float32)
    for channel, value in enumerate((1.0, 0.2, 0.0)):
        np.testing.assert_allclose(array[channel], (value - MEAN[channel]) / STD[channel], rtol=1e-4)


def test_crops_around_the_centre_and_keeps_proportions(tmp_path: Path) -> None:
    pixels = np.zeros((20, 60), np.uint8)
    pixels[:, 20:40] = 255  # the central square is white
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    array = read_image(str(path), [1, 10, 10], [0.0], [1.0])
    np.testing.assert_allclose(array[0, :, 1:-1], 1.0)
    whole = read_image(str(path), [1, 20, 60], [0.0], [1.0])
    np.testing.assert_array_equal(whole[0], pixels / 255)


def test_grey_inputs_take_luminance_and_mean_statistics(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (4, 4), 102).save(path)
    array = read_image(str(path), [1, 4, 4], MEAN, STD)
    np.testing.assert_allclose(array, (0.4 - np.mean(MEAN)) / np.mean(STD), rtol=1e-4)
    one = read_image(str(path), [3, 4, 4], [0.5], [0.5])  # one value for all channels
    np.testing.assert_allclose(one, -0.2, rtol=1e-4)


def test_turns_upright_as_exif_says(tmp_path: Path) -> None:
    pixels = np.zeros((8, 16), np.uint8)
    pixels[:, :8] = 255
    path, exif = tmp_path / "a.jpg", Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees: the left half is the upper one
    Image.fromarray(pixels).save(path, exif=exif, quality=95)
    array = read_image(str(path), [1, 16, 8], [0.0], [1.0])
    assert array[0, :7].min() > 0.9
    assert array[0, 9:].max() < 0.1


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n" + 40 * b"\0"])
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"accuracy\.data\.images: .*a\.png cannot be read as an image"):
        read_image(str(path), [3, 8, 8], MEAN, STD)


def test_a_truncated_image_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DataError, match=r"a\.png cannot be read"):
        read_image(str(path), [3, 8, 8], MEAN, STD)


def test_the_shorter_side_is_scaled_and_the_centre_cropped_as_the_library_does() -> None:
    """Against torchvision's own transforms of ImageNet classifiers."""
    from torchvision.models import ResNet18_Weights

    pixels = np.random.default_rng(0).integers(0, 255, (300, 451, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((601, 400))
    own = OwnPreprocessing(256, 224, "bilinear", tuple(MEAN), tuple(STD), "torchvision")
    ours = to_input(image, transform(InputSpec(shape=[3, 224, 224]), Preprocessing(), own, "k"))
    theirs = ResNet18_Weights.DEFAULT.transforms()(image).numpy()
    assert np.abs(ours - theirs).max() < 1e-5


def test_at_another_size_the_same_share_is_cropped() -> None:
    own = OwnPreprocessing(256, 224, "bicubic", tuple(MEAN), tuple(STD), "a library")
    assert transform(InputSpec(shape=[3, 112, 112]), Preprocessing(), own, "k").resize == 128
    told = transform(InputSpec(shape=[3, 112, 112]), Preprocessing(resize=120, interpolation="nearest"), own, "k")
    assert (told.resize, told.interpolation, told.mean) == (120, "nearest", tuple(MEAN))
    assert told.origin == "a library; resize, interpolation from the config"


def test_a_picture_of_an_input_is_what_the_model_sees() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    how = transform(InputSpec(shape=[3, 16, 16]), Preprocessing(mean=MEAN, std=STD), None, "k")
    seen = np.asarray(from_input(to_input(Image.fromarray(pixels), how), how))
    assert np.abs(seen.astype(int) - pixels).max() <= 1


def test_values_for_other_channels_are_refused() -> None:
    with pytest.raises(DataError, match=r"k\.preprocessing\.mean: 3 values for an input of 4 channels"):
        transform(InputSpec(shape=[4, 8, 8]), Preprocessing(), None, "k")


def test_a_model_of_bytes_gets_the_pixels_as_they_are(tmp_path):
    pixels = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    how = transform(InputSpec(shape=[3, 8, 8], dtype="uint8"), Preprocessing(), None, "k")
    made = to_input(open_image(str(tmp_path / "a.png"), "k"), how)
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(made, pixels.transpose(2, 0, 1))
    assert how.words.endswith("as bytes")
    np.testing.assert_array_equal(np.asarray(from_input(made, how)), pixels)
    with pytest.raises(DataError, match="do not apply to an input of bytes"):
        transform(InputSpec(shape=[3, 8, 8], dtype="uint8"), Preprocessing(mean=[0.5]), None, "k")
