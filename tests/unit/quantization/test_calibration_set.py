"""The calibration set of a model, and the job that makes it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bakeoff.artifacts.io import check_digests
from bakeoff.core.errors import CalibrationError, DataError
from bakeoff.jobs import calibrate
from bakeoff.models.arrays import load_arrays
from bakeoff.models.data.images import OwnPreprocessing
from bakeoff.models.data.listing import state_of
from bakeoff.models.data.samples import Wanted, image_input, judging_files, make_samples
from bakeoff.models.data.settings import Data
from bakeoff.models.inputs import CHECK, STATISTICS, seeded_inputs
from bakeoff.models.spec import InputSpec
from bakeoff.quantization.calibration_set import CalibrationSet, batches, make_set
from bakeoff.quantization.images import choose_images
from bakeoff.quantization.settings import Calibration

IMAGE = {"image": InputSpec(shape=[3, 16, 16])}
TOKENS = {"tokens": InputSpec(shape=[7], dtype="int64", high=50)}
LEFT_RIGHT = {"left": InputSpec(shape=[3, 8, 8]), "right": InputSpec(shape=[3, 8, 8])}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five images."""
    place = tmp_path / "images"
    place.mkdir()
    for i in range(5):
        Image.new("RGB", (20, 20), (40 * i, 0, 0)).save(place / f"{i}.png")
    return place


def run(out: Path, inputs: dict[str, InputSpec], images_state: str | None = None, **settings: Any) -> Any:
    """Run the job."""
    return calibrate.run(
        {
            "target": {"study": "s", "model": "net"},
            "label": "net",
            "model": {
                "source": "file",
                "factory": "net.py:make",
                "inputs": {name: spec.model_dump(mode="json") for name, spec in inputs.items()},
            },
            "data": {},
            "calibration": Calibration(**settings).model_dump(mode="json"),
            "images_state": images_state,
            "out": str(out),
        }
    )


def test_synthetic_inputs_are_those_of_no_other_check() -> None:
    made = make_set(IMAGE, Calibration(n_inputs=6), None, [])
    assert made.arrays["image"].shape == (6, 3, 16, 16)
    assert made.source == "synthetic, seed 0"
    for stream in (CHECK, STATISTICS):
        other = seeded_inputs(IMAGE, 6, 0, stream)["image"]
        assert not np.isclose(made.arrays["image"], other).all(axis=(1, 2, 3)).any()


def test_seed_and_size_make_the_set() -> None:
    def sha256(**settings: Any) -> str:
        return make_set(TOKENS, Calibration(**settings), None, []).sha256

    assert sha256() == sha256()
    assert len({sha256(), sha256(seed=1), sha256(n_inputs=63)}) == 3


def test_digest_sees_names_types_shapes_and_values() -> None:
    zeros = np.zeros((2, 3), np.float32)
    sets = [{"a": zeros}, {"b": zeros}, {"a": zeros.astype("int32")}, {"a": zeros.reshape(3, 2)}, {"a": zeros + 1}]
    assert len({CalibrationSet(arrays, "").sha256 for arrays in sets}) == len(sets)


def test_which_input_takes_images() -> None:
    assert image_input(IMAGE) == "image"
    assert image_input({**TOKENS, **IMAGE}) == "image"
    assert image_input({"grey": InputSpec(shape=[1, 8, 8])}) == "grey"
    integers, four_channels = InputSpec(shape=[3, 8, 8], dtype="int64"), InputSpec(shape=[4, 8, 8])
    for none in (TOKENS, LEFT_RIGHT, {"x": integers}, {"x": four_channels}):
        assert image_input(none) is None


def test_images_feed_one_input_and_seeds_the_others(folder: Path) -> None:
    images = choose_images(folder, 64, 0)
    made = make_set({**TOKENS, **IMAGE}, Calibration(images=str(folder)), None, images)
    assert list(made.arrays) == ["tokens", "image"]
    assert made.n_inputs == 5
    assert made.source == f"5 images of folder {folder} for image, seed 0 for tokens"
    red = made.arrays["image"][:, 0, 0, 0]
    np.testing.assert_allclose(np.diff(red), 40 / 255 / 0.229, rtol=1e-4)
    assert (made.arrays["tokens"] < 50).all()


@pytest.mark.parametrize("inputs", [TOKENS, LEFT_RIGHT], ids=["tokens", "two images"])
def test_models_that_images_do_not_fit_say_so(folder: Path, inputs: dict[str, InputSpec]) -> None:
    settings = Calibration(images=str(folder), n_inputs=9)
    made = make_set(inputs, settings, None, choose_images(folder, 9, 0))
    assert made.n_inputs == 9
    assert made.source.startswith("synthetic, seed 0, since images fit none or several")


def test_the_job_leaves_the_set_and_its_record(folder: Path, tmp_path: Path) -> None:
    state = state_of(choose_images(folder, 3, 7))
    record = run(tmp_path / "out", IMAGE, state, images=str(folder), n_inputs=3, seed=7)
    check_digests(tmp_path / "out", record.files)
    assert (record.n_inputs, record.images) == (3, choose_images(folder, 3, 7))
    assert set(record.library) == {"numpy", "pillow"}
    arrays = load_arrays(tmp_path / "out" / "inputs.npz")
    assert CalibrationSet(arrays, "").sha256 == record.sha256
    synthetic = run(tmp_path / "synthetic", IMAGE)
    assert (synthetic.n_inputs, synthetic.images) == (64, [])
    tokens = run(tmp_path / "tokens", TOKENS, state, images=str(folder), n_inputs=3, seed=7)
    assert tokens.images == []


def test_images_that_change_while_the_study_runs(folder: Path, tmp_path: Path) -> None:
    state = state_of(choose_images(folder, 64, 0))
    (folder / "5.png").write_bytes((folder / "4.png").read_bytes())
    with pytest.raises(CalibrationError, match="changed while the study ran"):
        run(tmp_path / "out", IMAGE, state, images=str(folder))
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(CalibrationError, match="changed while the study ran"):
        run(tmp_path / "out", IMAGE, state_of([]), images=str(folder))


def test_batches_are_of_one_size_and_hold_every_input(tmp_path: Path) -> None:
    run(tmp_path, TOKENS, n_inputs=10)
    whole = load_arrays(tmp_path / "inputs.npz")["tokens"]
    for size in (1, 4, 10, 25):
        made = [batch["tokens"] for batch in batches(tmp_path, size)]
        assert {batch.shape for batch in made} == {(size, 7)}
        together = np.concatenate(made)
        np.testing.assert_array_equal(together[:10], whole)
        np.testing.assert_array_equal(together, whole[np.arange(len(together)) % 10])
        assert len(together) < 10 + size


def test_without_a_folder_it_is_of_the_data_that_judge_and_never_the_same(folder: Path) -> None:
    for i in range(5, 12):
        Image.new("RGB", (20, 20), (10 * i, 200, 0)).save(folder / f"{i}.png")
    data = Data(images=str(folder))
    judge = make_samples(IMAGE, data, Wanted(None, 64, 0), "judge", None, "accuracy.data")
    made = make_set(IMAGE, Calibration(), data, [])
    assert (judge.n, made.n_inputs) == (9, 3)
    assert made.source == f"3 images of folder {folder}"
    for array in made.arrays["image"]:
        assert not np.isclose(judge.arrays["image"], array).all(axis=(1, 2, 3)).any()


def test_a_folder_of_its_own_leaves_out_what_judges(folder: Path) -> None:
    data = Data(images=str(folder))
    never = judging_files(data, Wanted(2, 0, 0), "accuracy.data")
    assert len(never) == 2
    assert len(choose_images(folder, 64, 0, never)) == 3
    never = judging_files(data, Wanted(None, 0, 0), "accuracy.data")
    assert len(choose_images(folder, 64, 0, never)) == 1
    with pytest.raises(CalibrationError, match=r"all images in .* judge engines"):
        make_set(IMAGE, Calibration(images=str(folder)), data, [])


def test_too_few_to_judge_and_to_calibrate_is_told(folder: Path) -> None:
    for path in sorted(folder.iterdir())[3:]:
        path.unlink()
    with pytest.raises(DataError, match="of 3 inputs there are 0 to calibrate with that do not judge"):
        make_set(IMAGE, Calibration(), Data(images=str(folder)), [])


def test_images_become_inputs_as_those_that_judge_do(folder: Path) -> None:
    own = OwnPreprocessing(20, 16, "nearest", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "a library")
    red = make_set(IMAGE, Calibration(images=str(folder)), None, choose_images(folder, 1, 0), own).arrays["image"]
    assert float(red[0, 1, 0, 0]) == -2  # (0 - 0.5) / 0.25
    told = Calibration(images=str(folder), mean=[0.0], std=[1.0])
    assert float(make_set(IMAGE, told, None, choose_images(folder, 1, 0), own).arrays["image"][0, 1, 0, 0]) == 0
