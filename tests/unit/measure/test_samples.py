import numpy as np

from bakeoff.measure.samples import Samples


def test_samples_survive_growth():
    samples = Samples(capacity=3)
    for value in range(1000):
        samples.append(value)
        assert samples.array()[-1] == value
    assert np.array_equal(samples.array(), np.arange(1000.0))
    assert len(samples) == 1000
