"""How numbers are written for people: the one place where a value becomes text, with its unit.

A number has three significant digits, and beside an interval those that the interval supports: fewer would hide
differences, more would claim too much.
"""

import math

TIMES = "×"
_THIN = "\u202f"
"""Narrow no-break space: between a number and its unit."""
MS = f"{_THIN}ms"


def format_number(value: float, digits: int = 3) -> str:
    """A plain number with `digits` significant digits, never in exponent notation: `0.00123`, `12.3`, `12300`.

    Digits before the decimal point are never rounded away from 1000 on (`12345` stays `12345`).
    """
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else "not a number"
    if value == 0:
        return "0"
    # Rounding first: 9.996 has as many digits before the point as 10.0 once it is rounded to three.
    exponent = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    decimals = max(0, digits - 1 - exponent)
    return f"{value:.{decimals}f}".replace("-", "−")


def format_ms(value_ms: float) -> str:
    """A duration given in milliseconds: `0.123 ms`, `12.3 ms`."""
    return f"{format_number(value_ms)}{MS}"


def format_s(value_s: float) -> str:
    """A duration given in seconds, in the unit that reads best: `12.3 ms`, `1.23 s`, `3 min 20 s`, `2 h 05 min`."""
    if abs(value_s) < 0.1:
        return format_ms(value_s * 1e3)
    if abs(value_s) < 99.5:
        return f"{format_number(value_s)}{_THIN}s"
    minutes, seconds = divmod(round(value_s), 60)
    if minutes < 60:
        return f"{minutes}{_THIN}min {seconds:02d}{_THIN}s"
    return f"{minutes // 60}{_THIN}h {minutes % 60:02d}{_THIN}min"


def format_ratio(value: float) -> str:
    """A ratio such as a speed-up: `2.41×`."""
    return f"{format_number(value)}{TIMES}"


def format_with_interval(
    value: float, low: float | None, high: float | None, unit: str = "", most: int = 4
) -> tuple[str, str]:
    """A value and the ends of its interval, with the digits that the interval supports.

    Half of the interval's width keeps one digit, or two where the first is a 1 or a 2, and all three numbers are
    rounded to that decimal place, also where it lies before the point: `2.451` in [2.449, 2.454], `1.8` in [1.5, 2.1],
    `12300` in [11000, 14000]. This is the rule of the Particle Data Group for measured values, somewhat coarser. The
    width is that on the logarithm, where the intervals of times and ratios are made, so that a long upper arm takes no
    digits from the value. What is positive never reads 0: the value and a lower end keep their first digit.

    Args:
        value: The estimate, positive.
        low: Lower end; None where the interval is not known, and the value then has three significant digits.
        high: Upper end, or None.
        unit: Follows the value.
        most: Significant digits that the value has at most, however narrow the interval.

    Returns:
        The value with its unit, and both ends with a dash between them, which are empty where they are not known.
    """
    if low is None or high is None:
        return f"{format_number(value)}{unit}", ""
    if not (math.isfinite(value) and math.isfinite(low) and math.isfinite(high)) or value <= 0:
        return f"{format_number(value)}{unit}", f"{format_number(low)}–{format_number(high)}"
    half = value * math.log(high / low) / 2 if 0 < low < high else (high - low) / 2
    place = max(_place_of(value, most), _place_of_error(half) if half > 0 else -math.inf)
    place = int(min(place, _place_of(value, 1)))
    return f"{_rounded(value, place)}{unit}", f"{_rounded(low, place)}–{_rounded(high, place)}"


def format_estimate(value: float, low: float | None, high: float | None, unit: str = "") -> str:
    """The same in one text: `2.451 ms [2.449–2.454]`."""
    text, ends = format_with_interval(value, low, high, unit)
    return f"{text} [{ends}]" if ends else text


def _place_of(number: float, digits: int) -> int:
    """The decimal place of the last of so many significant digits: −2 is hundredths."""
    return int(f"{number:.{digits - 1}e}".partition("e")[2]) - digits + 1


def _place_of_error(error: float) -> int:
    """The decimal place down to which an error is worth writing: one digit, or two where the first is a 1 or a 2."""
    place = math.floor(math.log10(error))
    return place - 1 if error / 10.0**place < 3 else place


def _rounded(number: float, place: int) -> str:
    """A number rounded to a decimal place; to its first digit where it would read 0 and is not."""
    rounded = round(number, -place)
    if rounded == 0 and number > 0:
        place = _place_of(number, 1)
        rounded = round(number, -place)
    return f"{rounded:.{max(0, -place)}f}".replace("-", "−")


def format_change(ratio: float, low: float, high: float) -> tuple[str, str]:
    """How far a ratio is from one, in percent with its sign, and the ends of its interval: `+4 %`, `−1 % to +9 %`.

    As above half of the interval's width keeps one digit or two; there are no more than two decimals.
    """
    half = 100 * (high - low) / 2
    decimals = min(max(0, -_place_of_error(half)), 2) if half > 0 else 2
    value, *ends = (f"{100 * (number - 1):+.{decimals}f} %".replace("-", "−") for number in (ratio, low, high))
    return value, " to ".join(ends)


def points(share: float) -> str:
    """A difference of shares in percentage points: `0.4`, `-1.2`, and `0` for what rounds to it."""
    text = f"{100 * share:.1f}"
    return "0" if float(text) == 0 else text.replace("-", "−")


def format_si(value: float, unit: str, digits: int = 3) -> str:
    """A large quantity in decimal units, as rates of hardware are given: `4.81 TB/s`, `3.63 GFLOP`."""
    size = float(value)
    for prefix in ("", "k", "M", "G", "T"):
        if abs(size) < 999.5:
            return f"{format_number(size, digits)}{_THIN}{prefix}{unit}"
        size /= 1000
    return f"{format_number(size, digits)}{_THIN}P{unit}"


def format_bytes(value_bytes: float) -> str:
    """A size in binary units: `512 B`, `44.7 MiB`."""
    size = float(value_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 999.5:
            return f"{format_number(size)}{_THIN}{unit}"
        size /= 1024
    return f"{format_number(size)}{_THIN}TiB"


def format_rate(value_per_s: float) -> str:
    """A rate per second, without its unit, since that is items or inferences: `0.123`, `1234`."""
    return format_number(value_per_s)


def format_db(value_db: float) -> str:
    """A level in decibels, whole: `118 dB`; one decimal below 10 dB, where it matters."""
    text = f"{value_db:.0f}" if abs(value_db) >= 9.95 else f"{value_db:.1f}"
    return f"{text.replace('-', '−')}{_THIN}dB"
