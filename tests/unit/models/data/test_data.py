"""Real inputs: which there are, which of them judge, what labels mean, and that bad ones end in one message."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bakeoff.config.load import parse_study
from bakeoff.core.errors import ConfigError, DataError
from bakeoff.models.data.classes import Classes, class_numbers, read_classes
from bakeoff.models.data.listing import list_images, split, state_of_data
from bakeoff.models.data.samples import Wanted, make_samples
from bakeoff.models.data.settings import Data
from bakeoff.models.data.shipped import digits
from bakeoff.models.inputs import CHECK, seeded_inputs
from bakeoff.models.sources import source_of
from bakeoff.models.spec import InputSpec

IMAGE = {"image": InputSpec(shape=[3, 16, 16])}
GREY = {"image": InputSpec(shape=[1, 32, 32])}
TOKENS = {"tokens": InputSpec(shape=[7], dtype="int64", high=50)}
ALL = Wanted(None, 64, 0)
KEY = "accuracy.data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten images of two classes, and one outside."""
    place = tmp_path / "images"
    for i in range(10):
        inner = place / ("tiger cat" if i % 2 else "n02123045")
        inner.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (20 * i, 0, 0)).save(inner / f"{i}.png")
    return place


def judged(inputs: dict[str, InputSpec], wanted: Wanted = ALL, **data: object):
    return make_samples(inputs, Data.model_validate(data), wanted, "judge", None, KEY)


@pytest.mark.parametrize(("n", "judge"), [(2, 2), (3, 3), (4, 3), (12, 9), (1000, 256)])
def test_those_that_judge_and_those_that_calibrate_are_never_the_same(n, judge):
    ours, theirs = split(n, 256, 64, 0)
    assert len(ours) == judge
    assert not set(ours) & set(theirs)
    assert len(theirs) == min(64, n - judge)
    assert split(n, 256, 3, 0)[0] == ours


def test_subfolders_are_classes(folder):
    listed = list_images(Data(images=str(folder)), KEY)
    assert {image.label for image in listed} == {"tiger cat", "n02123045"}
    samples = judged(IMAGE, images=str(folder))
    assert samples.n == 8
    assert samples.names[0].startswith("n02123045/")
    assert set(samples.labels) == {"tiger cat", "n02123045"}
    assert samples.source == f"8 images of folder {folder}"


def test_a_csv_file_gives_labels_to_some(folder, tmp_path):
    (tmp_path / "l.csv").write_text("file,label\nn02123045/0.png,281\ntiger cat/1.png,282\n")
    listed = list_images(Data(images=str(folder), labels=str(tmp_path / "l.csv")), KEY)
    assert [image.label for image in listed if image.label] == ["281", "282"]


def test_arrays_are_given_as_they_are(tmp_path):
    np.savez(tmp_path / "a.npz", tokens=np.arange(70).reshape(10, 7) % 50, labels=np.arange(10))
    samples = judged(TOKENS, arrays=str(tmp_path / "a.npz"))
    assert (samples.n, samples.labels[0]) == (8, samples.names[0].removeprefix("row "))
    row = int(samples.names[3].removeprefix("row "))
    assert (samples.arrays["tokens"][3] == np.arange(7 * row, 7 * row + 7) % 50).all()


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"words": np.zeros((4, 7), int)}, "has no array for input tokens; it has words"),
        ({"tokens": np.zeros((4, 6), int)}, r"array tokens of .* is int64\[4, 6\]; the input takes int64\[n, 7\]"),
        ({"tokens": np.zeros((4, 7))}, r"array tokens of .* is float64"),
        ({"tokens": np.zeros((4, 7), int), "labels": np.zeros(3, int)}, "have different lengths"),
        ({"tokens": np.zeros((4, 7), int), "labels": np.zeros(4)}, "give class numbers"),
        ({"tokens": np.zeros((1, 7), int)}, "at least 2 are needed"),
    ],
)
def test_arrays_that_do_not_fit_are_told(tmp_path, arrays, told):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=rf"accuracy\.data\.arrays: .*{told}"):
        judged(TOKENS, arrays=str(tmp_path / "a.npz"))


def test_what_is_no_file_of_arrays_is_told(tmp_path):
    (tmp_path / "a.npz").write_text("no")
    with pytest.raises(DataError, match=r"cannot be read as an \.npz file"):
        judged(TOKENS, arrays=str(tmp_path / "a.npz"))


def test_models_without_an_image_input_get_seeded_inputs_and_say_so(folder):
    samples = judged(TOKENS, images=str(folder))
    assert (samples.n, samples.names) == (16, [])
    assert samples.source.startswith("synthetic, seed 0, since images fit none or several")
    plain = make_samples(IMAGE, None, ALL, "judge", None, KEY)
    assert np.array_equal(plain.arrays["image"], seeded_inputs(IMAGE, 16, 0, CHECK)["image"])


def test_digits_that_judge_were_not_trained_on():
    held_out, training = digits(True, KEY), digits(False, KEY)
    assert (len(held_out[0]), len(training[0])) == (449, 1348)
    samples = judged(GREY, shipped="digits")
    assert samples.n == 256
    assert samples.labels[5] in set("0123456789")
    calibrated = make_samples(GREY, Data(shipped="digits"), ALL, "calibrate", None, KEY)
    assert calibrated.n == 64
    for array in calibrated.arrays["image"]:
        assert not np.isclose(samples.arrays["image"], array).all(axis=(1, 2, 3)).any()


def test_pictures_come_with_scikit_image():
    samples = judged(IMAGE, shipped="pictures")
    assert "chelsea.png" in judged(IMAGE, Wanted(99, 0, 0), shipped="pictures").names
    assert samples.labels == [None] * samples.n


def test_a_package_that_is_missing_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match="the digits are scikit-learn's, which is not installed"):
        judged(GREY, shipped="digits")
    monkeypatch.setattr("bakeoff.models.data.shipped.find_spec", lambda _: None)
    with pytest.raises(DataError, match="the pictures are scikit-image's, which is not installed"):
        judged(IMAGE, shipped="pictures")


def test_an_image_that_cannot_be_read_is_named(folder):
    for path in folder.rglob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"accuracy\.data\.images: .*\.png cannot be read as an image"):
        judged(IMAGE, images=str(folder))


CLASSES = Classes(("Egyptian cat", "tiger cat, big", "tabby"), ("n01", "n02", "n02123045"), "names")


@pytest.mark.parametrize(
    ("labels", "classes", "numbers", "how"),
    [
        (["tiger_cat", "n02123045", None], CLASSES, [1, 2, None], "by name (names)"),
        (["0", "2"], CLASSES, [0, 2], "by number"),
        (["0", "2"], None, [0, 2], "by number"),
        (["b", "a", "c"], None, [1, 0, 2], "in alphabetical order"),
        ([None, None], CLASSES, [None, None], "no labels"),
    ],
)
def test_what_labels_mean(labels, classes, numbers, how):
    assert class_numbers(labels, classes, 3, KEY) == (numbers, how)


@pytest.mark.parametrize(
    ("labels", "classes", "told"),
    [
        (["dog", "tabby"], CLASSES, r"1 of 2 labels match none of the model's 3 classes: dog; use class numbers from 0 "
                                    r"to 2, or known names, like Egyptian cat"),
        (["dog", "cat"], None, r"2 of 2 labels .*: cat, dog; .*or name the classes in accuracy\.data\.classes"),
        (["3"], None, r"1 of 1 labels .*: 3;"),
    ],
)  # fmt: skip
def test_labels_that_match_no_class_are_named(labels, classes, told):
    with pytest.raises(DataError, match=told):
        class_numbers(labels, classes, 3, KEY)


def test_class_names_from_a_file(tmp_path):
    (tmp_path / "c.txt").write_text("cat\n\ndog\n")
    assert read_classes(str(tmp_path / "c.txt"), KEY).names == ("cat", "dog")
    (tmp_path / "c.txt").write_text("\n")
    with pytest.raises(DataError, match="holds no name"):
        read_classes(str(tmp_path / "c.txt"), KEY)


@pytest.mark.parametrize(
    ("source", "name", "resize", "interpolation", "mean"),
    [
        ("timm", "tf_efficientnet_lite0", 256, "bicubic", 0.5),
        ("timm", "mobilenetv3_small_100", 256, "bicubic", 0.485),
        ("torchvision", "resnet18", 256, "bilinear", 0.485),
        ("torchvision", "resnet50", 232, "bilinear", 0.485),
    ],
)
def test_libraries_tell_their_own_preprocessing_and_classes(source, name, resize, interpolation, mean):
    model = source_of("net", {"source": source, "name": name})
    own = model.preprocessing()
    assert (own.resize, own.crop, own.interpolation, own.mean[0]) == (resize, 224, interpolation, mean)
    names = model.classes().names
    assert len(names) == 1000
    assert "tabby" in names[281].lower()


def test_what_a_library_does_not_know_is_not_made_up():
    assert source_of("net", {"source": "timm", "name": "hf-hub:x/y"}).preprocessing() is None
    assert source_of("net", {"source": "timm", "name": "resnet18", "args": {"num_classes": 7}}).classes() is None
    model = {"source": "file", "factory": "x.py:make", "inputs": {"x": {"shape": [3]}}}
    assert source_of("net", model).classes() is None


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({}, "give one of images, arrays, shipped; none is given"),
        ({"images": "a", "shipped": "digits"}, "images and shipped are given"),
        ({"shipped": "digits", "labels": "x.csv"}, "give images, too"),
        ({"images": "nowhere"}, r"accuracy.data.images: there is no folder 'nowhere'; paths are relative to"),
        ({"arrays": "nowhere.npz"}, r"accuracy.data.arrays: there is no file 'nowhere.npz'"),
        ({"shipped": "cifar"}, "shipped"),
        ({"shipped": "digits", "preprocessing": {"std": [0]}}, "greater than 0"),
    ],
)
def test_mistakes_are_told_while_a_study_is_planned(data, told):
    with pytest.raises(ConfigError, match=told):
        parse_study(
            {
                "models": {"net": {"source": "timm", "name": "resnet18"}},
                "backends": {"eager": None},
                "accuracy": {"data": data},
            }
        )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a.png,1,2\n", "row 1 of .* has 3 cells"),
        ("a.png,1\n", "names a.png, which is no image in"),
        ("file,label\n", "holds no label"),
    ],
)
def test_label_files_that_do_not_fit_are_told(folder, tmp_path, text, told):
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(DataError, match=rf"accuracy\.data\.labels: .*{told}"):
        list_images(Data(images=str(folder), labels=str(tmp_path / "l.csv")), KEY)


def test_a_folder_without_images_and_one_whose_files_change(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no image"):
        state_of_data(Data(images=str(tmp_path / "empty")), KEY)
    before = state_of_data(Data(images=str(folder)), KEY)
    (folder / "tiger cat" / "1.png").unlink()
    assert state_of_data(Data(images=str(folder)), KEY) != before
    assert state_of_data(Data(shipped="digits"), KEY) is None


def test_a_model_s_own_data_goes_before_the_study_s():
    study = parse_study(
        {
            "models": {
                "a": {"source": "timm", "name": "resnet18", "data": {"shipped": "seeded"}},
                "b": {"source": "timm", "name": "resnet18"},
            },
            "backends": {"eager": None},
            "accuracy": {"data": {"shipped": "pictures"}},
        }
    )
    assert [study.data_of(model)[1] for model in ("a", "b")] == ["models.a.data", "accuracy.data"]
    assert study.data_of("a")[0].shipped == "seeded"
