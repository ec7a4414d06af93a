"""Digits follow the interval."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bakeoff.core.formats import MS, TIMES, format_estimate, format_with_interval


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (2.4512, 2.4489, 2.4537, ("2.451", "2.449–2.454")),
        (1.834, 1.51, 2.13, ("1.8", "1.5–2.1")),
        (11.0, 5.97, 20.6, ("11", "6–21")),
        (0.17512, 0.1749, 0.17539, ("0.1751", "0.1749–0.1754")),
        (123.4, 101.0, 150.0, ("123", "101–150")),
        (1234.6, 1110.0, 1390.0, ("1230", "1110–1390")),
        (12345.6, 11012.0, 13987.0, ("12300", "11000–14000")),
        (12345.6, 12345.1, 12346.2, ("12350", "12350–12350")),
        (3.0, 3.0, 3.0, ("3.000", "3.000–3.000")),
        (9.99996, 9.9999, 10.0001, ("10.00", "10.00–10.00")),
        (0.5, 0.1, 9.0, ("0.5", "0.1–9.0")),
        (4.0, 0.3, 60.0, ("4", "0.3–60")),
        (100.0, 60.0, 10_000.0, ("100", "60–10000")),
        (0.96, 0.004, 30.0, ("1", "0.004–30")),
        (2.0, 0.0, 5.0, ("2.0", "0.0–5.0")),
        (2.5, None, None, ("2.50", "")),
        (2.5, 2.4, None, ("2.50", "")),
        (2.5, 2.4, math.inf, ("2.50", "2.40–∞")),
    ],
)
def test_digits(value, low, high, words):
    assert format_with_interval(value, low, high) == words


def test_a_unit_follows_the_value_alone():
    assert format_with_interval(2.41, 2.36, 2.46, TIMES) == ("2.41×", "2.36–2.46")
    assert format_estimate(0.512, 0.48, 0.55, MS) == "0.51\u202fms [0.48–0.55]"
    assert format_estimate(0.512, None, None, MS) == "0.512\u202fms"


def significant(text):
    """Digits that a number claims at least: zeros at the end of a whole number are places, not claims."""
    digits = text.replace(".", "").lstrip("0")
    return len(digits if "." in text else digits.rstrip("0"))


FACTORS = st.floats(-5, 0.8).map(lambda exponent: math.exp(10.0**exponent))
"""How far an end may be from its value: from a hundred-thousandth to a factor of hundreds."""


@given(st.floats(-6, 7).map(lambda exponent: 10.0**exponent), FACTORS, FACTORS)
@example(4.0, 4 / 0.3, 15.0)
@example(9.99996, 1.00001, 1.00001)
@example(0.96, 240.0, 31.0)
@example(12345.6, 1.12, 1.13)
def test_numbers_stay_near_the_true_ones_and_in_order_and_claim_what_they_may(value, down, up):
    low, high = value / down, value * up
    shown, ends = format_with_interval(value, low, high)
    texts = [ends.partition("–")[0], shown, ends.partition("–")[2]]
    numbers = [float(text) for text in texts]
    assert 0 < numbers[0] <= numbers[1] <= numbers[2]
    assert 1 <= significant(shown) <= 4
    # The unit: first digit of half the interval's width, the value's fourth digit at least and its first at most.
    half = value * math.log(high / low) / 2
    first, fourth = (int(f"{value:.{digits}e}".partition("e")[2]) - digits for digits in (0, 3))
    place = min(max(math.floor(math.log10(half)), fourth), first)
    for number, text, true in zip(numbers, texts, (low, value, high), strict=True):
        assert abs(number - true) <= 0.5 * 10.0**place * (1 + 1e-9)
        if number >= 10.0**place:
            assert len(text.partition(".")[2]) <= max(0, 1 - place)
            assert place < 2 or text.endswith("0" * (place - 1))
