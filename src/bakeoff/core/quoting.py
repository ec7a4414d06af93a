"""Somebody else's exception, or a value from a config, in one readable line."""

from __future__ import annotations

import math
import re
from typing import Any

MAX_CHARACTERS = 300


def cause(error: BaseException) -> str:
    """Type and first telling line of the exception: `ValueError: bad shape`."""
    line = first_line(str(error))
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def first_line(text: str) -> str:
    """First line that is not blank, without terminal colours, at most MAX_CHARACTERS long."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 3] + "..."


def short(value: Any) -> str:
    """A value as a message quotes it: whole where it is short, else its beginning."""
    if isinstance(value, int) and abs(value) >= 10**60:
        return f"a number of about {value.bit_length() * math.log10(2):.0f} digits"
    try:
        text = repr(value)
    except ValueError:
        return f"a {type(value).__name__} that holds a number of thousands of digits"
    return text if len(text) <= 80 else text[:77] + "..."
