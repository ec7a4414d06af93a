"""Digits follow the interval."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.core.formats import format_with_interval


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (2.4512, 2.4489, 2.4537, ("2.451", "2.449–2.454")),
        (1.834, 1.51, 2.13, ("1.8", "1.5–2.1")),
        (11.0, 5.97, 20.5, ("11", "6–20")),
        (0.17512, 0.1749, 0.17539, ("0.1751", "0.1749–0.1754")),
        (123.4, 101.0, 150.0, ("123", "101–150")),
        (1234.5, 1100.0, 1400.0, ("1234", "1100–1400")),
        (3.0, 3.0, 3.0, ("3.000", "3.000–3.000")),
        (0.5, 0.1, 9.0, ("0.5", "0.1–9.0")),
    ],
)
def test_digits(value, low, high, words):
    assert format_with_interval(value, low, high) == words


@given(st.floats(1e-4, 1e5), st.floats(1.001, 3.0), st.floats(1.001, 3.0))
def test_rounding_is_small_beside_the_interval_and_keeps_the_order(value, down, up):
    low, high = value / down, value * up
    shown, ends = format_with_interval(value, low, high)
    shown_low, shown_high = map(float, ends.split("–"))
    assert shown_low <= float(shown) <= shown_high
    rounded_by = abs(float(shown) - value)
    assert rounded_by <= max(0.51 * (high - low) / 2, 0.5)
