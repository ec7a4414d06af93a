"""Numbers as text."""

import pytest

from bakeoff.core import formats as fmt


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.001234, "0.00123"),
        (9.996, "10.0"),
        (12.345, "12.3"),
        (999.6, "1000"),
        (12345.6, "12346"),
        (-1.5, "−1.50"),
    ],
)
def test_three_significant_digits(value, text):
    assert fmt.format_number(value) == text


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (fmt.format_ms, 3.14159, "3.14 ms"),
        (fmt.format_s, 0.0123, "12.3 ms"),
        (fmt.format_s, 12.34, "12.3 s"),
        (fmt.format_s, 200, "3 min 20 s"),
        (fmt.format_s, 7500, "2 h 05 min"),
        (fmt.format_ratio, 2.4142, "2.41×"),
        (fmt.format_bytes, 512, "512 B"),
        (fmt.format_bytes, 46_758_048, "44.6 MiB"),
        (fmt.format_rate, 1234.4, "1234"),
        (fmt.format_db, 118.4, "118 dB"),
        (fmt.format_db, -3.24, "−3.2 dB"),
    ],
)  # fmt: skip
def test_units(write, value, text):
    assert write(value).replace("\u202f", " ") == text
