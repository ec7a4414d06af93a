"""Seeded inputs: the same for a seed, structured like images, of the type and range asked for."""

import numpy as np
import pytest

from bakeoff.models.inputs import CHECK, STATISTICS, seeded_inputs
from bakeoff.models.spec import InputSpec

IMAGE = {"image": InputSpec(shape=[3, 48, 32])}


def test_a_seed_gives_the_same_inputs_whatever_their_number():
    few, many = seeded_inputs(IMAGE, 2, 5)["image"], seeded_inputs(IMAGE, 4, 5)["image"]
    assert few.shape == (2, 3, 48, 32)
    assert few.dtype == np.float32
    np.testing.assert_array_equal(few, many[:2])


def test_items_seeds_streams_and_inputs_all_differ():
    two = {"a": IMAGE["image"], "b": IMAGE["image"]}
    made = [
        *seeded_inputs(two, 2, 0)["a"],
        *seeded_inputs(two, 2, 0)["b"],
        *seeded_inputs(two, 2, 1)["a"],
        *seeded_inputs(two, 2, 0, STATISTICS)["a"],
    ]
    for i, one in enumerate(made):
        assert all(not np.allclose(one, other) for other in made[i + 1 :])
    assert CHECK != STATISTICS


def test_images_are_normalised_and_their_spectrum_falls():
    images = seeded_inputs({"x": InputSpec(shape=[1, 64, 64])}, 16, 0)["x"]
    np.testing.assert_allclose(images.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(images.std((1, 2, 3)), 1, atol=1e-4)
    amplitude = np.abs(np.fft.fft2(images[:, 0])).mean(0)
    # along an axis: amplitude at frequency 2 against frequency 16; white noise has 1, 1/f has 8
    ratio = (amplitude[2, 0] + amplitude[0, 2]) / (amplitude[16, 0] + amplitude[0, 16])
    assert 3 < ratio < 25


def test_integers_fill_their_range_and_no_more():
    spec = {"t": InputSpec(shape=[50], dtype="int64", low=-2, high=3), "m": InputSpec(shape=[50], dtype="bool")}
    made = seeded_inputs(spec, 8, 0)
    assert made["t"].dtype == np.int64
    assert set(np.unique(made["t"])) == {-2, -1, 0, 1, 2}
    assert made["m"].dtype == np.bool_
    assert 0.3 < made["m"].mean() < 0.7


@pytest.mark.parametrize("shape", [[], [7], [5, 9], [3, 1, 1], [2, 3, 4, 5]])
def test_other_shapes_are_standard_normal(shape):
    made = seeded_inputs({"x": InputSpec(shape=shape)}, 400, 0)["x"]
    assert made.shape == (400, *shape)
    assert abs(float(made.mean())) < 0.2
    assert 0.8 < float(made.std()) < 1.2


def test_a_range_that_does_not_fit_the_type_is_refused():
    with pytest.raises(ValueError, match="low and high of int32 must lie between"):
        InputSpec(shape=[2], dtype="int32", high=2**40)
