import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.core.quantiles import has_tail, tail_percentile

durations = st.lists(st.floats(0, 1e4), min_size=2, max_size=40)


@given(durations, st.integers(1, 99))
def test_percentiles_are_those_of_the_standard_library(values: list[float], percent: int) -> None:
    expected = statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
    assert tail_percentile(values, percent, tail=0) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("percent", "needed"), [(90, 100), (95, 200), (99, 1000)])
def test_percentile_needs_ten_samples_beyond_it(percent, needed):
    samples = np.arange(1, needed + 1, dtype=float)
    assert tail_percentile(samples[:-1], percent) is None
    assert tail_percentile(samples, percent) == pytest.approx(np.percentile(samples, percent))


def test_a_shorter_tail_needs_fewer_samples():
    assert tail_percentile(range(9), 90, tail=1) is None
    assert tail_percentile(range(10), 90, tail=1) == pytest.approx(8.1)


def test_whether_there_is_a_tail_is_exact_in_whole_numbers():
    assert has_tail(100, 90)
    assert not has_tail(99, 90)
