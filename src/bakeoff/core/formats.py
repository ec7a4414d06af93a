"""How numbers are written for people: the one place where a value becomes text, with its unit.

Three significant digits: fewer would hide differences that the intervals show, more would claim too much.
"""

import math

_TIMES = "×"
_THIN = "\u202f"
"""Narrow no-break space: between a number and its unit."""


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
    return f"{format_number(value_ms)}{_THIN}ms"


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
    return f"{format_number(value)}{_TIMES}"


def format_with_interval(value: float, low: float, high: float, most: int = 4) -> tuple[str, str]:
    """A value and the ends of its interval, with the digits that the interval supports.

    Half of the interval's width keeps one digit, or two where the first is a 1 or a 2, and all three numbers end at
    that decimal place: `2.451` in [2.449, 2.454], `1.8` in [1.5, 2.1], `11` in [6, 21]. This is the rule of the
    Particle Data Group for measured values, somewhat coarser.

    Args:
        value: The estimate, positive.
        low: Lower end.
        high: Upper end.
        most: Significant digits that the value has at most, however narrow the interval.

    Returns:
        The value, and both ends with a dash between them.
    """
    if not (math.isfinite(value) and math.isfinite(low) and math.isfinite(high)) or value <= 0:
        return format_number(value), f"{format_number(low)}–{format_number(high)}"
    size = math.floor(math.log10(value))
    half = (high - low) / 2
    place = size - most + 1
    if half > 0:
        exponent = math.floor(math.log10(half))
        place = max(place, exponent - 1 if half / 10**exponent < 3 else exponent)
    place = min(place, size)  # the value keeps its first digit, also where the interval is wider than it
    decimals = max(0, -place)

    def rounded(number: float) -> str:
        return f"{number:.{decimals}f}".replace("-", "−")

    return rounded(value), f"{rounded(low)}–{rounded(high)}"


def format_change(ratio: float) -> str:
    """How far a ratio is from one, in percent with its sign: `+4.2 %`, `−0.8 %`."""
    return f"{100 * (ratio - 1):+.1f} %".replace("-", "−")


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
